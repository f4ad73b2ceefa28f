# run: main()
class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} must be positive")
        setattr(instance, self.name, value)


class Account:
    balance = Positive()

    def __init__(self, balance):
        self.balance = balance


def main():
    account = Account(3)
    account.balance += 4
    try:
        account.balance = -1
    except ValueError as error:
        print(error)
    return account.balance, isinstance(Account.balance, Positive)
