# run: main()
# %%
import csv
import io
import json

TEXT = "name,age\nada,36\nbob,41\n"
rows = list(csv.DictReader(io.StringIO(TEXT)))
ages = {row["name"]: int(row["age"]) for row in rows}
config = json.loads('{"lr": 0.1, "layers": [1, 2]}')

# %%
config["lr"] /= 2


# %%
def main():
    return ages, config, rows[0]
