# run: main()
from dataclasses import dataclass


@dataclass
class Settings:
    lr: float = 0.1


settings = Settings()
settings.comment = "added later"


def main():
    return settings.lr, settings.comment
