# run: main()
# expect: refused: whose file is deleted with this process
import tempfile

log = tempfile.NamedTemporaryFile("w+")
log.write("line one\n")
log.flush()


def main():
    log.seek(0)
    return log.read()
