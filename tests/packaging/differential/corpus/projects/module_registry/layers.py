from registry import register


@register("relu")
def relu(x):
    return max(0, x)
