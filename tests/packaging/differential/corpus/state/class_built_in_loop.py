# run: main()
MODELS = {}
for width in (1, 2, 3):

    class Model:
        size = width

        def area(self):
            return self.size * 10

    MODELS[width] = Model


def main():
    return [MODELS[w]().area() for w in sorted(MODELS)], Model is MODELS[3]
