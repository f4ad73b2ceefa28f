# run: main()
from types import MappingProxyType, SimpleNamespace

FROZEN = MappingProxyType({"a": 1})
caller = SimpleNamespace(run=lambda x: x + 1, table={"neg": lambda x: -x})


def main():
    return FROZEN["a"], caller.run(1), caller.table["neg"](2)
