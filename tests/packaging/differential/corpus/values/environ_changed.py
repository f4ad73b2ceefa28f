# run: main()
import os

os.environ["MY_FLAG"] = "on"


def main():
    return os.environ.get("MY_FLAG")
