# run: main()
# %%
import math

values = []
# %%
%precision 3
# %%
for n in range(3):
    values.append(n * 2)
values
# %%
_ = 3
result = _ + 1


# %%
def main():
    return values, result, math.floor(2.5)
