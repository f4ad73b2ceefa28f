# run: train()
class A:
    __slots__ = ("x",)
class B(A):
    __slots__ = ("y", "__dict__")
b = B(); b.x = 1; b.y = [2]; b.z = b
def train(): return b.x, b.y, b.z is b
