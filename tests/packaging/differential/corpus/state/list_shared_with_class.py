# run: main()
# %%
LOG = []


class Worker:
    log = LOG

    def work(self, x):
        self.log.append(x)


# %%
Worker().work("before")


# %%
def main():
    Worker().work("in the job")
    return LOG, Worker.log is LOG
