# run: main()
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=3)
args = parser.parse_args([])
args.epochs = 5


def main():
    print(args)
    return args.lr * args.epochs, vars(args)
