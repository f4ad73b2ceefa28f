# run: main()
# %%
class Model:
    version = 1

    def name(self):
        return f"model v{self.version}"


model = Model()


# %%
class Model:
    version = 2

    def name(self):
        return f"MODEL v{self.version}"


# %%
def main():
    return model.name(), Model().name(), isinstance(model, Model)
