# run: main()
class Node:
    def __init__(self, value):
        self.value = value
        self.next = None


a = Node(1)
b = Node(2)
a.next = b
b.next = a
nodes = [a, b]


def main():
    return a.next.value, b.next is a, nodes[0] is a, nodes[1].next.next is b
