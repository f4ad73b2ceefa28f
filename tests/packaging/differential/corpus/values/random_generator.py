# run: main()
import random

dice = random.Random(3)
dice.random()


def main():
    return [dice.randint(1, 6) for _ in range(5)]
