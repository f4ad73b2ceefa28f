# run: main()
# %%
import os
from os import environ

os.environ["TOKENIZERS_PARALLELISM"] = "false"
environ["MY_BATCH"] = str(2 + 3)
os.environ.setdefault("MY_MODE", "fast")
os.environ.update({"MY_A": "1"}, MY_B="2")
BATCH = int(os.environ["MY_BATCH"])


# %%
def main():
    return os.getenv("TOKENIZERS_PARALLELISM"), environ["MY_BATCH"], os.environ.get("MY_MODE"), environ["MY_A"], environ["MY_B"], BATCH
