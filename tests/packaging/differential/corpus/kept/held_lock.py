# run: train()
# expect: refused: it is a lock that is held here
import threading


class Shared:
    lock = threading.RLock()


Shared.lock.acquire()


def train():
    with Shared.lock:
        return 1
