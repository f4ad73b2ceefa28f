# run: main(value=-3)
class AppError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code

    def __str__(self):
        return f"[{self.code}] {self.args[0]}"


class BadValue(AppError):
    pass


def check(value):
    if value < 0:
        raise BadValue(7, f"{value} is negative")
    return value


def main(value):
    print("checking")
    return check(value)
