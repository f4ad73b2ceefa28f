import sys

print("noisy is loading")
print("on stderr", file=sys.stderr)
VALUE = 5
