# run: main()
from dataclasses import dataclass


@dataclass
class Score:
    value: float
    label: str = "x"


def main():
    return [Score(0.5), Score(1.0, "y")]
