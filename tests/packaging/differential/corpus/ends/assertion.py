# run: main(x=3)
def main(x):
    assert x < 2, f"x is {x}"
