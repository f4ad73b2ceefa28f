# run: train()
import dataclasses
@dataclasses.dataclass
class D:
    x: int = 1
    y: list = dataclasses.field(default_factory=list, metadata={"a": 1})
D.__dataclass_fields__["x"].default = 9
D.z = 4
def train(): return dataclasses.fields(D)[0].default, D().x, D.z, dict(dataclasses.fields(D)[1].metadata)
