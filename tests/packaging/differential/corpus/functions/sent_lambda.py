# run: train(x=3)
OFFSET = 4
train = lambda x: x + OFFSET
