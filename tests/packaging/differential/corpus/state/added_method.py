# run: run()
# %%
class Vector:
    def __init__(self, *values):
        self.values = values


# %%
def dot(self, other):
    return sum(a * b for a, b in zip(self.values, other.values))


Vector.dot = dot
Vector.__matmul__ = dot


# %%
def run():
    return Vector(1, 2) @ Vector(3, 4), Vector(1).dot(Vector(5))
