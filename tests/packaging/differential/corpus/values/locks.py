# run: main()
import threading

lock = threading.Lock()
condition = threading.Condition()
local = threading.local()
slots = threading.Semaphore(2)


def main():
    local.x = 1
    with lock, slots, condition:
        return lock.locked(), local.x
