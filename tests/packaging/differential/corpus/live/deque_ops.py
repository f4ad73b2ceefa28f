# run: train()
from collections import deque, OrderedDict
Q = deque([1, 2], maxlen=2); Q.append(3)
R = {"q": Q}
O = OrderedDict(b=1, a=2); O.move_to_end("b")
def train(): Q.append(9); return list(R["q"]), list(O), Q.maxlen
