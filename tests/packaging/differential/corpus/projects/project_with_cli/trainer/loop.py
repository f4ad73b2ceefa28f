import logging

from .config import Config

log = logging.getLogger(__name__)


class Trainer:
    def __init__(self, config: Config):
        self.config = config

    def fit(self):
        log.debug("fitting")
        return self.config.lr * 2, self.config
