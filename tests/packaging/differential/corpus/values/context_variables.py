# run: main()
import contextvars

user = contextvars.ContextVar("user", default="nobody")


def main():
    before = user.get()
    token = user.set("ada")
    inside = user.get()
    user.reset(token)
    return before, inside, user.get()
