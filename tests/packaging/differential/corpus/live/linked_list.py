# run: train()
class N:
    def __init__(self, v, nxt=None): self.v = v; self.nxt = nxt
head = None
for i in range(500): head = N(i, head)
def train():
    n, t = head, 0
    while n: t += n.v; n = n.nxt
    return t
