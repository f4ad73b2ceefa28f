FACTOR = 2.5
NAMES = ["a", "b"]
