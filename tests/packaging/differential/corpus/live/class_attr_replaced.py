# run: train()
OPTS = {"a": 1}
class A: opts = {}
A.opts = OPTS
def train(): A.opts["z"] = 1; return OPTS
