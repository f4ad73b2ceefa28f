# run: train()
OPTS = {"a": 1}
class A: opts = OPTS
class B: opts = A.opts
OPTS["b"] = 2
def train(): B.opts["c"] = 3; return OPTS, A.opts is OPTS
