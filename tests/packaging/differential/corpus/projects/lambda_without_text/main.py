# run: train()
# expect: refused: trainjob: train cannot be sent to a job
# form: script
import tools
from pkg.deep import thing
f = eval("lambda x: tools.double(x) + thing()")
def train():
    return f(2)
