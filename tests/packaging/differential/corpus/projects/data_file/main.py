# run: train()
import json

import vocab


def train():
    return vocab.WORDS, vocab.load()["lr"], json.dumps(vocab.load())
