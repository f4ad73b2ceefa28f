# run: train()
class Node:
    root = None
    def __init__(self): self.kids = []
Node.root = Node()
Node.root.kids.append(Node)
def train(): return Node.root.kids[0] is Node, type(Node.root) is Node
