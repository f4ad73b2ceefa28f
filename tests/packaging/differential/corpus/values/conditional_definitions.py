# run: main()
import sys

if sys.version_info >= (3, 0):

    def text(x):
        return str(x)
else:

    def text(x):
        return unicode(x)


DEBUG = False
if DEBUG:
    level = "debug"
elif sys.platform:
    level = "info"


def main():
    return text(3), level
