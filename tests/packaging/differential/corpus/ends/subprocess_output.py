# run: main()
import subprocess
import sys


def main():
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    return subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout
