# run: train()
import argparse
import logging
import socket
import sys

import numpy as np


def train():
    logging.info("shown")
    return str(np.array([1.23456])), np.geterr(), socket.getdefaulttimeout()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--digits", type=int, default=2)
    arguments = parser.parse_args([])
    logging.basicConfig(level=logging.INFO if arguments.digits else None, format="%(levelname)s %(message)s", stream=sys.stdout)
    if arguments.digits:
        np.set_printoptions(precision=arguments.digits)
        np.seterr(over=["ignore", "raise"][arguments.digits - 1])
    socket.setdefaulttimeout(arguments.digits * 1.5)


main()
