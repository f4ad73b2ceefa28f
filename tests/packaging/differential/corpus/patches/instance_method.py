# run: main()
# %%
class Model:
    def forward(self, x):
        return x


model = Model()

# %%
import types


def doubled(self, x):
    return 2 * x


model.forward = types.MethodType(doubled, model)


# %%
def main():
    return model.forward(3), Model().forward(3)
