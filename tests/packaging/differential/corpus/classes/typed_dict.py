# run: main(movie={"title": "Alien", "year": 1979})
from typing import Literal, NotRequired, TypedDict


class Movie(TypedDict):
    title: str
    year: int
    rating: NotRequired[Literal["good", "bad"]]


def main(movie: Movie):
    made: Movie = Movie(title="Solaris", year=1972)
    return movie["title"], made, sorted(Movie.__annotations__)
