# run: main()
from dataclasses import asdict, dataclass, field, replace


@dataclass
class Base:
    name: str
    tags: list = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float = 0.0

    def moved(self, dx):
        return replace(self, x=self.x + dx)


@dataclass
class Job(Base):
    size: int = 1
    double: int = field(init=False)

    def __post_init__(self):
        self.double = self.size * 2


ORIGIN = Point(0.0)
job = Job("a", ["x"], size=4)
job.tags.append("y")


def main():
    return asdict(job), ORIGIN.moved(2.0), job.double, job == Job("a", ["x", "y"], 4)
