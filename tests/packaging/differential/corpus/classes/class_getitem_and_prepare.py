# run: main()
class Ordered(type):
    @classmethod
    def __prepare__(mcs, name, bases):
        return {"order": []}

    def __new__(mcs, name, bases, namespace):
        namespace["order"] = [key for key in namespace if not key.startswith("_") and key != "order"]
        return super().__new__(mcs, name, bases, namespace)


class Form(metaclass=Ordered):
    first = 1
    second = 2

    def third(self):
        return 3


class Array:
    def __class_getitem__(cls, item):
        return f"{cls.__name__}[{item}]"


def main():
    return Form.order, Array[3], Form().third()
