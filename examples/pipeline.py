"""A pipeline with a distributed training step, for Kubeflow Pipelines: `pip install 'kubeflow[pipelines]'`, then

    python examples/pipeline.py              # writes pipeline.yaml, to be uploaded
    python examples/pipeline.py --local      # runs it here, the training as processes of this machine

The component is ordinary code with a bare `TrainerClient()`: in a pipeline's pod it finds the cluster that it is in,
with the service account of the pod; on a laptop it trains there. `kubeflow.pipelines.component` writes such components
by itself: docs/pipelines.md.
"""

import sys

from kubeflow.pipelines import compiler, dsl, local


@dsl.component(base_image="python:3.12", packages_to_install=["kubeflow"])
def train(epochs: int, num_nodes: int) -> float:
    from kubeflow.trainer import CustomTrainer, TrainerClient

    def fit(epochs: int) -> float:
        import torch
        import torch.distributed as dist

        dist.init_process_group("gloo")
        torch.manual_seed(dist.get_rank())
        x = torch.randn(256, 8)
        y = x.sum(dim=1, keepdim=True)
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = torch.tensor(0.0)
        for epoch in range(epochs):
            loss = torch.nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"epoch {epoch}: loss {loss.item():.4f}")
        dist.destroy_process_group()
        return loss.item()

    client = TrainerClient()
    job = client.train(trainer=CustomTrainer.call(fit, epochs=epochs).replace(num_nodes=num_nodes))
    for line in client.get_job_logs(job, follow=True):
        print(line, flush=True)
    client.wait_for_job_status(job, timeout=24 * 60 * 60)
    result = client.get_job_result(job)
    assert isinstance(result, float)
    return result


@dsl.component(base_image="python:3.12")
def judge(loss: float) -> str:
    return "good" if loss < 0.5 else "not yet"


@dsl.pipeline(name="train-and-judge")
def pipeline(epochs: int = 20, num_nodes: int = 2) -> str:
    trained = train(epochs=epochs, num_nodes=num_nodes)
    return judge(loss=trained.output).output


def main() -> None:
    if "--local" not in sys.argv:
        compiler.Compiler().compile(pipeline, "pipeline.yaml")
        print("pipeline.yaml is ready to be uploaded")
        return
    local()
    print(f"the model is {pipeline().output}")


if __name__ == "__main__":
    main()
