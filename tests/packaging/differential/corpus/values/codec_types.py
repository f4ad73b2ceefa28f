# run: main()
# %%
import datetime as dt
import re
import uuid
from collections import OrderedDict, deque
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

NUMBERS = [1, 1.5, float("inf"), 2 + 3j, True, None]
TEXTS = ("ä", b"\x00\xff", bytearray(b"ab"), "line\nbreak", "'quoted\"")
SETS = {frozenset({1, 2}), frozenset({3})}
WHEN = [dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, tzinfo=dt.timezone.utc), dt.time(4), dt.timedelta(5)]
OTHER = [Decimal("1.10"), uuid.UUID(int=5), Path("a/b"), range(1, 9, 2), re.compile(r"\d+", re.I)]
QUEUE = deque([1, 2], maxlen=3)
ORDERED = OrderedDict(b=1, a=2)
NESTED = {(1, "a"): {"x": [1, (2, {3})]}, None: ...}
THIRD = Fraction(1, 3)
PART = slice(1, 5, 2)


# %%
def main():
    QUEUE.extend([3, 4])
    return NUMBERS, TEXTS, sorted(map(sorted, SETS)), WHEN, OTHER, QUEUE, ORDERED, NESTED, THIRD, PART
