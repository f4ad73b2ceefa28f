"""The job of the row about following logs: lines that say when they were printed."""


def speak() -> None:
    """Print the time, in seconds since the epoch, every 30 ms."""
    import time

    for _ in range(60):
        time.sleep(0.03)
        print(time.time(), flush=True)


if __name__ == "__main__":
    speak()
