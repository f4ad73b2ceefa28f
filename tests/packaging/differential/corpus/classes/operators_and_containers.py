# run: main()
class Matrix:
    def __init__(self, rows):
        self.rows = rows

    def __add__(self, other):
        return Matrix([[a + b for a, b in zip(x, y)] for x, y in zip(self.rows, other.rows)])

    def __getitem__(self, place):
        i, j = place
        return self.rows[i][j]

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __contains__(self, value):
        return any(value in row for row in self.rows)


IDENTITY = Matrix([[1, 0], [0, 1]])


def main():
    total = IDENTITY + IDENTITY
    return total[0, 0], len(total), list(total), 2 in total
