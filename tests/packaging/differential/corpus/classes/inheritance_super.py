# run: main()
class Animal:
    def __init__(self, name):
        self.name = name

    def speak(self):
        return f"{self.name} makes a sound"


class Dog(Animal):
    def __init__(self, name, tricks=()):
        super().__init__(name)
        self.tricks = list(tricks)

    def speak(self):
        return super().speak() + ": woof"


class Puppy(Dog):
    def speak(self):
        return super(Puppy, self).speak() + " (softly)"


def main():
    return Puppy("Rex", ["sit"]).speak(), [c.__name__ for c in Puppy.__mro__]
