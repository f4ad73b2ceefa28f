# run: main(node=Node(1, Node(2)))
from dataclasses import dataclass
from typing import Optional, get_type_hints


@dataclass
class Node:
    value: int
    next: "Optional[Node]" = None


def main(node: "Node") -> "int":
    return node.value + node.next.value, sorted(get_type_hints(Node))
