# run: train()
def reg(*a, **k): return lambda f: f
@reg(
    "x",   # a comment )
    y=[1,
       2],
)   # after
@reg()
def f(x=(1,
         2), *, y={
             "a": 1}):
    return x, y
class A:
    @reg("(")
    def g(self, z="@"): return z
    @ reg ("x")
    def h(self): return 1
def train(): return f(), A().g(), A().h()
