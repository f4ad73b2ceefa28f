# run: main()
# %%
import sys


class Tee:
    def __init__(self, stream):
        self.stream = stream
        self.log = open("/dev/null", "w")

    def write(self, text):
        self.log.write(text)
        return self.stream.write(text)

    def flush(self):
        self.stream.flush()


sys.stdout = Tee(sys.stdout)


# %%
def main():
    print("shown")
