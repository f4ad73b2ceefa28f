# run: train()
class A:
    @classmethod
    def make(cls): return cls.__name__ + "1"
orig = A.make.__func__
A.make = classmethod(lambda cls: orig(cls) + "2")
def train(): return A.make()
