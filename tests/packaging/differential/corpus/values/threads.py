# run: main()
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

results = queue.Queue()


def work(n):
    results.put(n * n)


def main():
    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ThreadPoolExecutor(2) as pool:
        more = list(pool.map(str, range(3)))
    return sorted(results.get() for _ in range(3)), more
