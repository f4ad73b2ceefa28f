"""A digit classifier on real scans, by PyTorch's DDP: a train function and a torchrun script in one."""


def train_digits(directory: str) -> None:
    """Train for three epochs; each rank writes where it ran and its losses, in full, as `<rank>.json`."""
    import json
    import os
    from pathlib import Path

    import torch
    import torch.distributed as dist
    from sklearn.datasets import load_digits
    from torch.nn.parallel import DistributedDataParallel

    dist.init_process_group("gloo")
    rank, world_size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    x, y = torch.as_tensor(images.astype("float32") / 16), torch.as_tensor(labels)
    x, y = x[rank::world_size], y[rank::world_size]
    network = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    model = DistributedDataParallel(network)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses: list[float] = []
    for _ in range(3):
        for batch in torch.randperm(len(x)).split(64):
            loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    dist.destroy_process_group()
    place = {"rank": rank, "world_size": world_size, "local_rank": int(os.environ["LOCAL_RANK"])}
    Path(directory, f"{rank}.json").write_text(json.dumps({"place": place, "losses": losses}))


if __name__ == "__main__":
    import sys

    train_digits(sys.argv[1])
