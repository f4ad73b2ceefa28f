# run: main()
class Bag(dict):
    def __missing__(self, key):
        return f"no {key}"


class Name(str):
    def shout(self):
        return self.upper() + "!"


class Stack(list):
    limit = 3

    def push(self, item):
        if len(self) >= self.limit:
            raise OverflowError(item)
        self.append(item)


bag = Bag(a=1)
name = Name("ada")
stack = Stack([1])
stack.push(2)


def main():
    return bag["a"], bag["b"], name.shout(), stack, type(stack).__name__
