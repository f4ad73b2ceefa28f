# run: Pipeline.run(steps=3)
class Pipeline:
    @staticmethod
    def run(steps):
        return list(range(steps))
