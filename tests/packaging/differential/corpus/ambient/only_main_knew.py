# run: train()
# expect: refused: locale.setlocale (only_main_knew.py:15): main() set it here, and the job cannot repeat that: it depends on parser.parse_args() in main()
import argparse
import locale


def train():
    return locale.setlocale(locale.LC_NUMERIC)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--language", default="C")
    arguments = parser.parse_args([])
    locale.setlocale(locale.LC_NUMERIC, arguments.language)


main()
