# run: run(times=2)
def visit():
    visit.calls += 1
    return visit.calls


visit.calls = 10
visit.tags = ["a", "b"]


def run(times):
    for _ in range(times):
        visit()
    return visit.calls, visit.tags
