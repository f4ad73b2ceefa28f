"""Train a digit classifier on two nodes of your laptop, then see the job that does the same on a cluster.

`make demo` runs it; so does `python examples/digits.py` after `pip install 'kubeflow[examples]'`.
"""

from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient


def train_digits(epochs: int, learning_rate: float) -> None:
    """Runs once on each node. PyTorch's DDP averages the gradients, so all nodes hold the same model."""
    import torch
    import torch.distributed as dist
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from torch.nn.parallel import DistributedDataParallel

    dist.init_process_group("gloo")  # "nccl" on GPUs
    rank, world_size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)

    images, labels = load_digits(return_X_y=True)  # 1,797 real scans of 8 x 8 pixels
    x, x_test, y, y_test = (
        torch.as_tensor(part)
        for part in train_test_split(images.astype("float32") / 16, labels, test_size=0.25, random_state=0)
    )
    x, y = x[rank::world_size], y[rank::world_size]  # each node trains on its own share

    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    model = DistributedDataParallel(network)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for batch in torch.randperm(len(x)).split(32):
            loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch}: mean loss {total / len(x):.3f} over the {len(x)} images of rank {rank} of {world_size}")

    accuracy = (network(x_test).argmax(dim=1) == y_test).float().mean().item()
    if rank == 0:
        print(f"held-out accuracy {accuracy:.3f} on {len(x_test)} images")
    dist.destroy_process_group()
    if accuracy < 0.9:
        raise RuntimeError(f"accuracy {accuracy:.3f} is below 0.9")


def main() -> None:
    client = TrainerClient(LocalProcessBackendConfig())
    trainer = CustomTrainer(func=train_digits, func_args={"epochs": 8, "learning_rate": 0.01}, num_nodes=2)

    job = client.train(trainer=trainer)
    for line in client.get_job_logs(job, step=None, follow=True):
        print(line)
    print(f"{job}: {client.wait_for_job_status(job).status}")

    train_job = client.train(trainer=trainer, dry_run=True)
    print("\nThe same call as a TrainJob for a cluster. Long lines are cut here; to_yaml() has them in full:\n")
    for line in train_job.to_yaml().splitlines():
        print(line if len(line) < 120 else f"{line[:100]}... ({len(line):,} characters)")


if __name__ == "__main__":
    main()
