# run: main()
# %%
import json
import math

math.tau = 6.0
_dumps = json.dumps
json.dumps = lambda value, **options: _dumps(value, **{"sort_keys": True, **options})


# %%
def main():
    return json.dumps({"b": 1, "a": 2}), math.tau
