# run: main()
import os
import sys
import tempfile

folder = tempfile.mkdtemp()
with open(os.path.join(folder, "made_here.py"), "w") as stream:
    stream.write("VALUE = 9\n")
sys.path.insert(0, folder)
import made_here


def main():
    return made_here.VALUE
