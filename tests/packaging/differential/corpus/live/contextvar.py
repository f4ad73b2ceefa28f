# run: train()
import contextvars, re, operator
V = contextvars.ContextVar("v", default=3)
RX = {"a": re.compile("a+")}
G = [operator.itemgetter("x"), operator.attrgetter("real")]
def train(): return V.get(), bool(RX["a"].match("aa")), G[0]({"x": 1}), G[1](2)
