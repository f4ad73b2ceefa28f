# run: train()
K = 3
def train(): return globals()["K"], eval("K + 1")
