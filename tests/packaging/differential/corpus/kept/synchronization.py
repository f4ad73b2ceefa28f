# run: train()
import contextvars
import queue
import threading

step = contextvars.ContextVar("step", default=0)
step.set(5)
unset = contextvars.ContextVar("unset")
stop = threading.Event()
stop.set()
slots = threading.Semaphore(3)
slots.acquire()
jobs = queue.Queue()
jobs.put("a")
first = queue.PriorityQueue()
first.put(2)
first.put(1)
simple = queue.SimpleQueue()
simple.put([1])
local = threading.local()
local.x = [3]


class Worker:
    name = contextvars.ContextVar("name")
    stop = threading.Event()
    slots = threading.BoundedSemaphore(2)
    jobs = queue.LifoQueue()
    changed = threading.Condition()
    local = threading.local()

    def __init__(self):
        self.stop = threading.Event()
        self.stop.set()
        self.jobs = queue.Queue(maxsize=2)
        self.jobs.put(self)
        self.seen = contextvars.ContextVar("seen")
        self.seen.set([1])
        self.lock = threading.Lock()


Worker.name.set("w")
Worker.stop.set()
Worker.slots.acquire()
Worker.jobs.put(1)
Worker.jobs.put(2)
Worker.local.y = 4
worker = Worker()


def train():
    with Worker.changed, worker.lock:
        ours = step.get(), unset.get("none"), stop.is_set(), slots._value, jobs.get(), first.get(), simple.get(), local.x
    theirs = Worker.name.get(), Worker.stop.is_set(), Worker.slots._value, Worker.jobs.get(), Worker.local.y
    return ours, theirs, worker.stop.is_set(), worker.jobs.get() is worker, worker.jobs.maxsize, worker.seen.get()
