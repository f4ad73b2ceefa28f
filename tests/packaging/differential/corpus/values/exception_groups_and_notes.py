# run: main()
class Bad(Exception):
    pass


ERROR = ValueError("kept")


def main():
    found = []
    try:
        raise ExceptionGroup("many", [Bad("a"), KeyError("b")])
    except* Bad as group:
        found.append([str(e) for e in group.exceptions])
    except* KeyError as group:
        found.append(len(group.exceptions))
    return found, repr(ERROR)
