# run: train()
class N:
    def __init__(self, parent=None):
        self.parent = parent; self.kids = []
        if parent: parent.kids.append(self)
root = N(); a = N(root); b = N(a)
def train(): return b.parent is a, a.parent is root, root.kids[0].kids[0] is b
