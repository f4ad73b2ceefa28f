# run: main()
class Button:
    def __init__(self):
        self.listeners = []

    def connect(self, listener):
        self.listeners.append(listener)
        return self

    def click(self, n):
        return [listener(n) for listener in self.listeners]


class Counter:
    def __init__(self):
        self.total = 0

    def add(self, n):
        self.total += n
        return self.total


counter = Counter()
button = Button().connect(counter.add).connect(lambda n: -n)
button.click(5)


def main():
    return button.click(2), counter.total
