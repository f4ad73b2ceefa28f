# run: main()
# %%
class A:
    def name(self):
        return "A"


class B:
    def name(self):
        return "B"


class C(A):
    pass


# %%
C.__bases__ = (B,)


# %%
def main():
    return C().name(), issubclass(C, A)
