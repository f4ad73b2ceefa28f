# run: train()
class A:
    def go(self): return 3
obj = A()
Keep = A
del A
def train(): return obj.go(), Keep().go()
