from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    lr: float
    tags: tuple = ()
