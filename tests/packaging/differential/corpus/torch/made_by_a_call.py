# run: train()
# %%
import numpy as np
import torch


def square(x):
    return (x * x).sum(), torch.is_grad_enabled()


def total(x):
    return (x * x).sum()


NO_GRAD = torch.no_grad()(square)
HELD = [torch.inference_mode()(square), torch.enable_grad()(square)]
GRAD = torch.func.grad(total)
EACH = torch.vmap(total)
QUIET = np.errstate(divide="ignore")(lambda: np.geterr()["divide"])


# %%
def train():
    x = torch.ones(2)
    found = [f(x)[1] for f in (NO_GRAD, square, *HELD)]
    return found, GRAD(x).tolist(), EACH(torch.ones(2, 2)).tolist(), QUIET()
