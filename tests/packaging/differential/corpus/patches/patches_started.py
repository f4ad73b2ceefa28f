# run: main()
import json
import os.path
import statistics
import time
from unittest import mock


def fixed(*_):
    return 5.0


def patch_all():
    import calendar

    mock.patch.object(statistics, "mean", fixed).start()
    calendar.isleap = fixed
    vars(json)["dumps"] = fixed
    name = "basename"
    setattr(os.path, name, fixed)


patch_all()
mock.patch("time.time", fixed).start()
patcher = mock.patch("statistics.median", new=fixed)
patcher.start()


def main():
    import calendar

    return statistics.mean([1]), time.time(), json.dumps(1), os.path.basename("a/b"), statistics.median([1]), calendar.isleap(1)
