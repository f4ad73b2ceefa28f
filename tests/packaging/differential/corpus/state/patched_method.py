# run: run(name="Ada")
# %%
class Greeter:
    def greet(self, name):
        return f"hello {name}"


# %%
def louder(self, name):
    return f"HELLO {name.upper()}"


Greeter.greet = louder


# %%
def run(name):
    return Greeter().greet(name)
