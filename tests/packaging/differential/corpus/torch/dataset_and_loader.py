# run: train()
# %%
import torch
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return torch.tensor([i, i * i])


data = Squares(6)


def collate(items):
    return torch.stack(items).sum(0)


# %%
def train():
    return [batch.tolist() for batch in DataLoader(data, batch_size=3, num_workers=1, collate_fn=collate)]
