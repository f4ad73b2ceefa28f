# run: solve(n=5)
def build():
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    return factorial


solve = build()
