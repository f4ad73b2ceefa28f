# run: main()
import contextlib
import gc
import logging
import socket
import sys
import warnings

import numpy as np

FAST = True
if FAST and sys.platform != "none":
    np.set_printoptions(precision=2)
elif FAST is None:
    np.set_printoptions(precision=7)
else:
    np.set_printoptions(precision=6)

try:
    np.set_no_such_thing(1)
except AttributeError:
    np.set_printoptions(linewidth=30)
finally:
    socket.setdefaulttimeout(2.5)

with contextlib.suppress(ValueError):
    gc.disable()

with warnings.catch_warnings():
    warnings.simplefilter("error")

with np.errstate(all="ignore"):
    np.seterr(all="raise")

for name, level in [("a.b", "ERROR"), ("a.c", "INFO")]:
    number = getattr(logging, level)
    if number:
        logging.getLogger(name).setLevel(number)


def main():
    warnings.warn("shown")
    levels = [logging.getLogger(name).level for name in ("a.b", "a.c")]
    return str(np.arange(40) / 3), socket.getdefaulttimeout(), gc.isenabled(), levels, np.geterr()
