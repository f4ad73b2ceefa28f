# run: main()
def account(balance):
    def deposit(amount):
        nonlocal balance
        balance += amount
        return balance

    def show():
        return balance

    return deposit, show


deposit, show = account(100)
deposit(20)


def main():
    deposit(30)
    return show()
