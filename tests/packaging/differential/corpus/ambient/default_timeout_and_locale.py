# run: main()
import gc
import socket

socket.setdefaulttimeout(2.5)
gc.disable()


def main():
    return socket.getdefaulttimeout(), gc.isenabled()
