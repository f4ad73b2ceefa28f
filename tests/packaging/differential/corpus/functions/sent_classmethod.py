# run: Pipeline.run(steps=3)
class Pipeline:
    scale = 2

    @classmethod
    def run(cls, steps):
        return [cls.scale * i for i in range(steps)]
