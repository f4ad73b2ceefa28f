# run: train()
SCALE = 2
class A:
    table = [SCALE * i for i in range(3)]
    k = SCALE + 1
    def go(self): return self.k
SCALE = 10
def train(): return A.table, A.k, SCALE
