# run: main(x=3)
def makers():
    made = []
    for i in range(3):
        made.append(lambda x: x * i)
    return made


made = makers()


def main(x):
    return [f(x) for f in made]
