# run: main()
import logging
import sys

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
log = logging.getLogger("train")


def main():
    log.info("started")
    log.debug("hidden")
    return log.getEffectiveLevel()
