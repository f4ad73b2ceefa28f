# run: main()
class Connection:
    def __init__(self, host):
        self.host = host
        self.socket = object()

    def __getstate__(self):
        return {"host": self.host}

    def __setstate__(self, state):
        self.__init__(state["host"])

    def ping(self):
        return f"ping {self.host}", self.socket is not None


connection = Connection("db")


def main():
    return connection.ping()
