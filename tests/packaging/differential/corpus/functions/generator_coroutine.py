# run: main()
def averager():
    total, count, average = 0.0, 0, None
    while True:
        value = yield average
        if value is None:
            return total
        total += value
        count += 1
        average = total / count


def main():
    running = averager()
    next(running)
    found = [running.send(v) for v in (10, 20, 30)]
    try:
        running.send(None)
    except StopIteration as stop:
        found.append(stop.value)
    return found
