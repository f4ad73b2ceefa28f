import json
from importlib import resources
from pathlib import Path

WORDS = (Path(__file__).parent / "words.txt").read_text().split()


def load():
    return json.loads(resources.files(__name__).joinpath("config.json").read_text())
