"""Fixed workloads that run in turn with a row, so that a bound on time holds the project and not the machine.

A bound is set in seconds of one machine, the reference, on which a bare interpreter starts in 12.6 ms. A row may take as
many times its yardstick as those seconds are there. Each row names the yardstick that grows with the machine as the row
does. What the yardsticks take on the reference follows from what they take beside a bare interpreter on any machine.
"""

from tests.bench.cases import Place, Probe, Yardstick
from tests.bench.probes import bare, looping, scripting

_TEXT = """
import ast, json, os, sqlite3, tempfile, zlib
function = "def function_{0}(value, more=None):\\n    return [value * {0} + len('text {0}') for each in (more or [])]\\n"
text = "".join(function.format(number) for number in range(100))
def walk():
    return sum(isinstance(node, ast.Name) for node in ast.walk(ast.parse(text)))
"""

_FILES = """
folder = tempfile.mkdtemp(dir=os.environ["BENCH_SCRATCH"])
names = [os.path.join(folder, f"m{number}.py") for number in range(100)]
small = "".join(function.format(number) for number in range(20))
for name in names:
    with open(name, "w") as file:
        file.write(small)
def read():
    found = []
    for name in names:
        with open(name) as file:
            found.append(file.read())
        found.append(sum(isinstance(node, ast.Name) for node in ast.walk(ast.parse(found[-1]))))
    return zlib.compress(repr(found).encode(), 9)
"""

_ROWS = """
row = json.dumps({"name": "job", "nodes": [{"name": "node-0", "exit": 0, "last": ["a line"]}] * 2, "labels": {"a": "b"}})
database = sqlite3.connect(os.path.join(os.environ["BENCH_SCRATCH"], "rows.db"))
database.execute("pragma journal_mode = wal")
database.execute("create table jobs (id integer primary key, name text, document text)")
with database:
    database.executemany("insert into jobs (name, document) values (?, ?)", [(f"job-{n}", row) for n in range(1000)])
def select():
    return [(name, json.loads(document)) for name, document in database.execute("select name, document from jobs")]
"""

# One process appends the time to a file, another looks at the file every 20 ms.
_POLL = """
import os, statistics, subprocess, sys, time
log = os.path.join(os.environ["BENCH_SCRATCH"], "log")
writer = '''
import sys, time
with open(sys.argv[1], "w", buffering=1) as log:
    for _ in range(40):
        time.sleep(0.03)
        log.write(str(time.time()) + chr(10))
'''
process = subprocess.Popen([sys.executable, "-c", writer, log])
seconds = []
while not os.path.exists(log):
    time.sleep(0.02)
with open(log) as lines:
    while len(seconds) < 40:
        time.sleep(0.02)
        seconds += [time.time() - float(line) for line in lines.readlines() if line.endswith(chr(10))]
process.wait()
report({"yardstick": statistics.median(seconds)})
"""


def _looped(setup: str, statement: str) -> Probe:
    return looping(Place.BARE, setup, {"yardstick": statement}, seconds=0.1)


# The figures of the reference: a bare interpreter's start was measured there, the others are multiples of it, measured as
# CPU time (0.38, 7.8 and 0.32 starts). The last is half of its pause, and the writer's way.
START = Yardstick("the start of a bare interpreter", bare(Place.BARE), "wall", 0.0126)
PARSE = Yardstick("parsing 100 functions and walking their syntax trees", _looped(_TEXT, "walk()"), "yardstick", 0.0048)
FILES = Yardstick("reading, parsing and compressing 100 files", _looped(_TEXT + _FILES, "read()"), "yardstick", 0.098)
ROWS = Yardstick("reading 1,000 rows of JSON from SQLite", _looped(_TEXT + _ROWS, "select()"), "yardstick", 0.0040)
POLL = Yardstick("a program that looks at a file every 20 ms", scripting(Place.BARE, _POLL), "yardstick", 0.011)
