# run: main()
# %%
import torch

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
torch.set_printoptions(precision=2)
torch.rand(3)


# %%
def main():
    print(torch.tensor([1.23456]))
    return round(torch.rand(1).item(), 12), str(torch.get_default_dtype())
