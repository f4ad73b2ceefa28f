# run: serve(path="/about")
# %%
class Handler:
    routes = {}

    def __init_subclass__(cls, path, **options):
        super().__init_subclass__(**options)
        Handler.routes[path] = cls


class Home(Handler, path="/"):
    def reply(self):
        return "home"


class About(Handler, path="/about"):
    def reply(self):
        return "about us"


# %%
def serve(path):
    print(sorted(Handler.routes))
    return Handler.routes[path]().reply()
