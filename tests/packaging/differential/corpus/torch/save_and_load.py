# run: train()
# %%
import io

import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(2))


buffer = io.BytesIO()
torch.save(Net(), buffer)
saved = buffer.getvalue()


# %%
def train():
    return torch.load(io.BytesIO(saved), weights_only=False).w.tolist()
