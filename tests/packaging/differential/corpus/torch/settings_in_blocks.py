# run: main()
import torch


def fast(on, *, level="high"):
    if not on:
        return
    torch.backends.cudnn.benchmark = on
    torch.set_float32_matmul_precision(level)


if torch.cuda.is_available():
    torch.set_default_device("cuda")
else:
    torch.set_default_dtype(torch.float64)

try:
    torch.use_deterministic_algorithms(True, warn_only=True)
except RuntimeError:
    pass

fast(True)
generator = torch.manual_seed(3)
torch.rand(2)


def main():
    return (
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        torch.rand(1).item(),
    )
