# run: train()
class Net:
    def go(self): return 1
_old = Net.go
def go2(self): return _old(self) + 10
Net.go = go2
def train(): return Net().go()
