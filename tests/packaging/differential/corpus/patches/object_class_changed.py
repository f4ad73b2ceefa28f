# run: main()
class Draft:
    state = "draft"


class Final:
    state = "final"


doc = Draft()
doc.title = "t"
doc.__class__ = Final


def main():
    return doc.state, doc.title
