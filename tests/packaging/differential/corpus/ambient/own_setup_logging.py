# run: main()
import logging
import sys


def setup_logging(level):
    root = logging.getLogger()
    root.setLevel(level)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    root.addHandler(handler)


setup_logging(logging.INFO)
logging.getLogger("noisy").setLevel(logging.ERROR)
log = logging.getLogger(__name__)


def main():
    log.info("hello from %s", log.name)
    logging.getLogger("noisy").warning("not shown")
    return logging.getLogger("noisy").level
