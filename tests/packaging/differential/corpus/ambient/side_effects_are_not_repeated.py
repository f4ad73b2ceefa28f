# run: main()
# %%
import sys

lines = []


def note(text):
    print("noting", text)
    lines.append(text)


# %%
note("first")
sys.stdout.write("cells run here only\n")
print("not in the job")


# %%
def main():
    note("job")
    return lines
