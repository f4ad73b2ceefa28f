# run: train()
def print_(x): return x
len_ = len
def len(x): return 42
def train(): return len([1]), len_([1])
