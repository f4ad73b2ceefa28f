# run: train()
SEEN = []
def note(f):
    SEEN.append(f.__name__)
    return f
@note
def a(): return 1
@note
def b(): return 2
SEEN.append("x")
def train(): return a() + b(), SEEN
