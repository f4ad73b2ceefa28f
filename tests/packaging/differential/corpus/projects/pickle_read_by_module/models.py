class Layer:
    depth = 5
