# run: train()
from collections import defaultdict, deque, OrderedDict, Counter
D = defaultdict(list); D["a"].append(len)
Q = deque([lambda: 1], maxlen=3)
O = OrderedDict(a=lambda: 2)
C = Counter("aab")
E_ = defaultdict(int, {"x": 3})
def train():
    D["b"].append(1); E_["q"] += 1
    return D["a"][0]("xyz"), Q.maxlen, Q[0](), O["a"](), C["a"], C.most_common(1), dict(E_), type(D).__name__
