# run: train()
def task(f):
    task.all.append(f); return f
task.all = []
@task
def one(): return 1
@task
def two(): return 2
def train(): return [f() for f in task.all]
