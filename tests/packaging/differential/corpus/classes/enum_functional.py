# run: main()
from enum import Enum

Animal = Enum("Animal", "CAT DOG")
favourite = Animal.DOG


def main():
    return [a.name for a in Animal], favourite.value, favourite is Animal["DOG"]
