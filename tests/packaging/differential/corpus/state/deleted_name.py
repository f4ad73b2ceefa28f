# run: main()
# %%
import math

temporary = math.sqrt(16)
kept = temporary + 1
del temporary


# %%
def main():
    try:
        return temporary
    except NameError as error:
        return kept, str(error)
