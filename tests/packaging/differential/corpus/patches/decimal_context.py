# run: main()
import decimal

decimal.getcontext().prec = 5


def main():
    return decimal.Decimal(1) / 3
