# run: train()
class Out:
    class In:
        v = 1
        class Deep: w = [1]
    items = {"a": In}
Out.In.v = 5
Out.In.Deep.w.append(2)
def train(): return Out.In.v, Out.items["a"].v, Out.In.Deep.w, Out.items["a"] is Out.In
