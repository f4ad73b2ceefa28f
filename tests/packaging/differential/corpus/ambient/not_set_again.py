# run: main()
# %%
import atexit
import signal
import sys

ran = []


def train_with_logging():
    ran.append("trained here")


def bye():
    print("bye")


train_with_logging()
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
sys.path.append("/nowhere")


# %%
def main():
    return ran
