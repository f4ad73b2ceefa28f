# run: main()
# %%
class A:
    def who(self):
        return ["A"]


class B(A):
    def who(self):
        return [*super().who(), "B"]


class C(B):
    def who(self):
        return [*super().who(), "C"]


# %%
class B(A):
    def who(self):
        return [*super().who(), "new B"]


class D(B):
    pass


# %%
def main():
    return C().who(), D().who(), isinstance(C(), B), C.__mro__[1] is B
