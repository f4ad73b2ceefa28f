"""Search for the hyperparameters of a digit classifier on your laptop, then see the trials that a cluster would run.

`python examples/tune.py` runs it after `pip install '.[examples,optimizer]'`. A number after it is the number of
trials.
"""

import sys

from kubeflow.optimizer import TPE, MedianStop, Objective, OptimizerClient, Search, TrialConfig
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig


def fit_digits(learning_rate: float, hidden: int, batch_size: int, epochs: int = 8) -> dict[str, float]:
    """One trial. It needs nothing of a search: it returns its metrics, and reports those of each epoch."""
    import torch
    from sklearn.datasets import load_digits

    from kubeflow.optimizer import report

    torch.manual_seed(0)
    images, labels = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    images = images.float() / 16  # 1,797 real scans of 8 x 8 pixels
    held_out = torch.arange(len(images)) % 4 == 0
    x, y = images[~held_out], labels[~held_out]

    network = torch.nn.Sequential(torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    accuracy = 0.0
    for epoch in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            loss = torch.nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy = (network(images[held_out]).argmax(dim=1) == labels[held_out]).float().mean().item()
        report(step=epoch, accuracy=accuracy)  # a trial that does worse than the others is ended early
    return {"accuracy": accuracy}


def main(num_trials: int = 20) -> None:
    client = OptimizerClient(LocalProcessBackendConfig())  # trials are processes of this machine
    default: dict[str, object] = {"learning_rate": 0.01, "hidden": 32, "batch_size": 64}
    name = client.optimize(
        # Type checkers see the types of the values: a space of floats for `hidden` is an error.
        CustomTrainer.call(
            fit_digits,
            learning_rate=Search.loguniform(1e-3, 1.0),
            hidden=Search.int(8, 128, log=True),
            batch_size=Search.choice([16, 32, 64, 128]),
        ),
        objectives=[Objective("accuracy", "maximize")],
        algorithm=TPE(random_state=0),
        early_stopping=MedianStop(start_step=3),
        trial_config=TrialConfig(num_trials=num_trials, parallel_trials=2),
        enqueue=[default],  # the first trial is the one to beat
    )
    print(f"Search {name}: {num_trials} trials, 2 at a time. It goes on if you leave.", flush=True)
    job = client.wait_for_job_status(name, progress=True)

    first, best = job.trials[0], job.best_trial
    assert best is not None
    for trial, words in ((first, "the default"), (best, "the best trial")):
        print(f"{words}: accuracy {job.objectives[0].value(trial.metrics):.3f} with {dict(trial.parameters)}")
    print(f"Its log: OptimizerClient(LocalProcessBackendConfig()).get_job_logs({name!r}, {best.name!r})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
