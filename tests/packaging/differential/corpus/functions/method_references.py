# run: main()
class Tool:
    def __init__(self, n):
        self.n = n

    def add(self, x):
        return x + self.n

    @classmethod
    def named(cls):
        return cls.__name__

    @staticmethod
    def twice(x):
        return x * 2


tool = Tool(5)
add = tool.add
named = Tool.named
twice = Tool.twice
plain = Tool.add


def main():
    return add(1), named(), twice(4), plain(tool, 2), add.__self__ is tool
