# run: main()
# %%
class Logger:
    def __init__(self):
        self.lines = []

    def log(self, text):
        self.lines.append(text)


class Service:
    logger = Logger()
    children = []

    def __init__(self, name):
        self.name = name
        Service.children.append(self)
        self.logger.log(name)


first = Service("first")
Service.default = first


# %%
def main():
    Service("second")
    return Service.logger.lines, [s.name for s in Service.children], Service.default is first
