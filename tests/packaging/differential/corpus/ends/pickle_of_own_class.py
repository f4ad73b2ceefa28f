# run: main()
# %%
import pickle


class Net:
    def __init__(self, width):
        self.width = width


saved = pickle.dumps(Net(3))


# %%
def main():
    print(Net.__module__)
    return pickle.loads(saved).width, pickle.dumps(Net(3)) == saved
