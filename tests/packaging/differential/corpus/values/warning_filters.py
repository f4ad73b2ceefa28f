# run: main()
import warnings

warnings.filterwarnings("ignore", message="old")


def main():
    warnings.warn("old way")
    warnings.warn("new trouble")
    return 1
