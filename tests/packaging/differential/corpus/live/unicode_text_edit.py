# run: train()
N = 1
def f(ä="öü", b=N, c="ß"): return ä, b, c
N = 2
class Ü:
    é = N; ñ = "x"
N = 3
def train(): return f(), Ü.é, Ü.ñ
