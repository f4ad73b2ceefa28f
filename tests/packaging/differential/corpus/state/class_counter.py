# run: run()
class Job:
    made = 0

    def __init__(self):
        type(self).made += 1


jobs = [Job(), Job(), Job()]


def run():
    Job()
    return Job.made
