# run: main(request=Request(name="a", size=3))
from pydantic import BaseModel, Field, field_validator


class Inner(BaseModel):
    weights: list[float] = Field(default_factory=list)


class Request(BaseModel):
    name: str
    size: int = Field(gt=0)
    inner: Inner = Inner()

    @field_validator("name")
    @classmethod
    def upper(cls, value):
        return value.upper()

    def area(self):
        return self.size**2


default = Request(name="b", size=2, inner={"weights": [1, 2]})


def main(request):
    try:
        Request(name="c", size=-1)
    except ValueError as error:
        print(type(error).__name__)
    return request.name, request.area(), default.inner.weights, default.model_dump()
