# run: train()
import math
def area(r): return math.pi * r
PI2 = math.pi * 2
math = None
def train(): return PI2
