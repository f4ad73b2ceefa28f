# run: main(user=UserId(3))
from typing import Annotated, Literal, NewType, Optional, Union, get_args

UserId = NewType("UserId", int)
Mode = Literal["train", "eval"]
Size = Annotated[int, "pixels"]
Maybe = Optional[Union[int, str]]


def main(user: UserId, mode: Mode = "train") -> Maybe:
    return user + 1, get_args(Mode), mode in get_args(Mode), Size.__metadata__
