# run: main(command="greet", who="Ada")
class App:
    def __init__(self):
        self.commands = {}

    def command(self, function):
        self.commands[function.__name__] = function
        return function

    def run(self, name, *words):
        return self.commands[name](*words)


app = App()


@app.command
def greet(who):
    return f"hello {who}"


@app.command
def bye(who):
    return f"bye {who}"


def main(command, who):
    print(sorted(app.commands))
    return app.run(command, who)
