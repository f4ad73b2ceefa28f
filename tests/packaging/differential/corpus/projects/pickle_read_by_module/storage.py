import pickle


def read(path):
    with open(path, "rb") as stream:
        return pickle.load(stream)
