# run: train(x=torch.arange(4.0), dtype=torch.float16, device=torch.device("cpu"))
# expect: refused: which only pickle can carry
# %%
import torch


def train(x, dtype, device):
    moved = x.to(device, dtype)
    return moved.sum().item(), str(moved.dtype), torch.__version__.split(".")[0]
