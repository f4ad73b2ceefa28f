# run: main()
# %%
total = 0
names = []
for i, letter in enumerate("abc"):
    total += i
    names.append(letter * i)

squares = {}
for n in range(4):
    squares[n] = n * n


# %%
def main():
    return total, names, squares, i, letter
