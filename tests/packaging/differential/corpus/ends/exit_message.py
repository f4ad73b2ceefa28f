# run: main()
def main():
    print("before")
    raise SystemExit("no data: give a path")
