# run: train()
HANDLERS = {}
def handles(kind):
    def deco(f):
        HANDLERS.setdefault(kind, []).append(f)
        f.kind = kind
        return f
    return deco
class App:
    @handles("a")
    def on_a(self): return "on_a"
    @handles("b")
    @staticmethod
    def on_b(): return "on_b"
def train(): return HANDLERS["a"][0](App()), App.on_a.kind, HANDLERS["a"][0] is App.on_a, App.on_b()
