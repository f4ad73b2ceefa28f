lr = 1e-3
layers = [64]
