# run: main()
# expect: refused: sys.settrace
import sys

calls = []


def tracer(frame, event, argument):
    calls.append(frame.f_code.co_name)
    return None


sys.settrace(tracer)


def helper():
    return 1


def main():
    helper()
    return calls[-2:]
