"""Train a digit classifier on two nodes of your laptop, then see the job that does the same on a cluster.

`make demo` runs it; so does `python examples/digits.py` after `pip install '.[examples]'`. A number after it is the
number of nodes. `make demo BACKEND=container` runs the nodes in containers, of the runtime's image or of `IMAGE=...`.
"""

import os
import sys
from pathlib import Path

from digits_display import Progress, command, save_picture, say, try_next

from kubeflow.trainer import CustomTrainer, InvalidInput, LocalProcessBackendConfig, TrainerClient


def train_digits(epochs: int, learning_rate: float) -> tuple[float, list[float], list[int]]:
    """Runs once on each node. PyTorch's DDP averages the gradients, so all nodes hold the same model."""
    import torch
    import torch.distributed as dist
    from sklearn.datasets import load_digits
    from torch.nn.parallel import DistributedDataParallel

    from kubeflow.trainer import update_trainjob_status

    dist.init_process_group("gloo")  # "nccl" on GPUs
    rank, world_size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)

    images, labels = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    images = images.float() / 16  # 1,797 real scans of 8 x 8 pixels
    held_out = torch.arange(len(images)) % 4 == 0
    x, y = images[~held_out][rank::world_size], labels[~held_out][rank::world_size]  # each node has its own share
    print(f"rank {rank} of {world_size} trains on {len(x)} images")

    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    model = DistributedDataParallel(network)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses: list[float] = []
    for epoch in range(1, epochs + 1):
        total = 0.0
        for batch in torch.randperm(len(x)).split(32):
            loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / len(x))
        if rank == 0:
            update_trainjob_status(progress_percent=100 * epoch // epochs, metrics={"loss": round(losses[-1], 3)})

    predictions = network(images[held_out]).argmax(dim=1)
    accuracy = (predictions == labels[held_out]).float().mean().item()
    dist.destroy_process_group()
    if accuracy < 0.9:
        raise RuntimeError(f"accuracy {accuracy:.3f} is below 0.9")
    return accuracy, losses, predictions.tolist()  # what rank 0 returns, get_job_result() returns


def main(num_nodes: int = 2) -> None:
    client = TrainerClient(LocalProcessBackendConfig())  # processes of this machine
    if "KUBEFLOW_BACKEND" in os.environ:
        client = TrainerClient()  # where that says: KUBEFLOW_BACKEND=container
    trainer = CustomTrainer.call(train_digits, epochs=15, learning_rate=0.005).replace(
        num_nodes=num_nodes,
        packages_to_install=["scikit-learn", "kubeflow"],
        image=os.environ.get("IMAGE") or None,
    )

    job = client.train(trainer=trainer)
    say(f"Job {job} runs train_digits() on {num_nodes} nodes of this machine.")
    client.wait_for_job_status(job, callbacks=[Progress()], polling_interval=0.2)
    for line in client.get_job_logs(job, step=None):
        print(f"  {line}")

    accuracy, losses, predictions = client.get_job_result(job)
    say(f"Accuracy on {len(predictions)} digits that the model has not seen: {accuracy:.1%}.")
    folder = Path("digits-demo")
    folder.mkdir(exist_ok=True)
    save_picture(folder / "digits.png", accuracy, losses, predictions)
    say(f"Picture of the loss and of what the model reads: {folder / 'digits.png'}")

    yaml = client.train(trainer=trainer, dry_run=True).to_yaml()  # the same call makes the job of a cluster
    (folder / "trainjob.yaml").write_text(yaml, "utf-8")
    say(f"The same job for a cluster: {folder / 'trainjob.yaml'} ({len(yaml.splitlines())} lines). It begins with")
    print("".join(f"  {line:.100}\n" for line in yaml.splitlines()[:12]) + "  ...")

    try_next(
        (f"{command()} 4", "the same on four nodes"),
        (f"kubectl apply -f {folder / 'trainjob.yaml'}", "the same on a cluster with Kubeflow Trainer"),
        (f'TrainerClient(LocalProcessBackendConfig()).explain("{job}")', "in Python: how the job went"),
    )


if __name__ == "__main__":
    try:
        main(*map(int, sys.argv[1:]))
    except InvalidInput as error:  # such as no container engine: it says what to do
        sys.exit(f"{type(error).__name__}: {error}")
