# run: train()
class CFG:
    lr = 1e-3
    names = ["a"]
CFG.lr = 3e-4
CFG.extra = 5
CFG.names.append("b")
def train(): return CFG.lr, CFG.extra, CFG.names
