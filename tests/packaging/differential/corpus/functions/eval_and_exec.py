# run: main(x=3)
namespace = {}
exec("def triple(x):\n    return 3 * x\n", namespace)


def main(x):
    local = {}
    exec("y = x + 1", {"x": x}, local)
    return eval("x * 2", {"x": x}), local["y"]
