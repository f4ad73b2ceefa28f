# run: train()
# expect: refused: which only pickle can carry
# %%
import torch

torch.manual_seed(3)
model = torch.nn.Linear(2, 1)


# %%
def train():
    return [round(value, 6) for value in model(torch.ones(1, 2))[0].tolist()]
