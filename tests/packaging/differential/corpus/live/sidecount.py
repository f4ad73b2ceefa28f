# run: train()
N = 0
def counted(f):
    global N
    N += 1
    f.number = N
    return f
@counted
def a(): return 1
@counted
def b(): return 2
def train(): return N, b.number, a.number
