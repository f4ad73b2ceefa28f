# run: main(commands=["go north", "take lamp", "quit", "dance"])
def parse(command):
    match command.split():
        case ["go", direction]:
            return ("move", direction)
        case ["take", thing] if (size := len(thing)) > 2:
            return ("take", thing, size)
        case ["quit"]:
            return None
        case _:
            return ("unknown", command)


def main(commands):
    return [parsed for command in commands if (parsed := parse(command)) is not None]
