# run: main()
class Vault:
    __secret = 41

    def __open(self):
        return self.__secret + 1

    def open(self):
        return self.__open()


def main():
    return Vault().open(), Vault._Vault__secret
