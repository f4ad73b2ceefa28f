# run: main()
def outer(a):
    def middle(b):
        def inner(c):
            return a, b, c, helper(a)

        return inner

    def helper(x):
        return x * 100

    return middle


f = outer(1)(2)
g = outer("x")("y")


def main():
    return f(3), g("z")
