# run: train()
class Memo:
    def __init__(self, f): self.f = f; self.cache = {}; self.calls = 0
    def __call__(self, n):
        self.calls += 1
        if n not in self.cache: self.cache[n] = self.f(n)
        return self.cache[n]
@Memo
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
fib(5)
def train(): return fib(10), sorted(fib.cache), fib.calls
