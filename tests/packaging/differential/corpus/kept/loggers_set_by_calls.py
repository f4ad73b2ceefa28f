# run: train()
import logging
import sys


class Keep(logging.Handler):
    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        self.kept.append(record.getMessage())


def quiet(*names):
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    return logging.getLogger(names[-1])


log = logging.getLogger("experiment.run")
keep = Keep()
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(levelname)s|%(message)s"))
log.addHandler(handler)
log.addHandler(keep)
log.addFilter(lambda record: "secret" not in record.getMessage())
log.setLevel(logging.DEBUG)
log.propagate = False
log.debug("before")
logging.getLogger("experiment").setLevel(5)
noisy = quiet("urllib9", "library")
off = logging.getLogger("off")
off.disabled = True
adapter = logging.LoggerAdapter(logging.getLogger("adapted"), {"rank": 0})
adapter.setLevel(11)


class Trainer:
    log = logging.getLogger("trainer")

    def __init__(self):
        self.own = logging.getLogger("trainer.own")
        self.own.setLevel(40)


Trainer.log.setLevel(10)
trainer = Trainer()


def train():
    log.debug("now")
    log.debug("a secret")
    levels = log.level, log.parent.level, noisy.level, adapter.logger.level, Trainer.log.level, trainer.own.level
    return levels, off.disabled, keep.kept, keep in log.handlers, len(log.handlers), trainer.own.parent is Trainer.log
