# run: main()
# %%
class Base:
    def name(self):
        return "first base"


# %%
class Child(Base):
    pass


# %%
class Base:
    def name(self):
        return "second base"


# %%
def main():
    return Child().name(), Base().name(), issubclass(Child, Base)
