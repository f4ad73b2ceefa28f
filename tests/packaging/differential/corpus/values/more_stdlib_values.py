# run: main()
# %%
import array
import datetime as dt
import heapq
import ipaddress
import string
import struct
import zoneinfo

numbers = array.array("d", [1.0, 2.5])
header = struct.Struct("<I4s")
hello = string.Template("hello $name")
zone = zoneinfo.ZoneInfo("Europe/Berlin")
moment = dt.datetime(2026, 5, 1, 12, tzinfo=zone)
address = ipaddress.ip_address("10.0.0.1")
heap = []
for item in (3, 1, 2):
    heapq.heappush(heap, item)


# %%
def main():
    return numbers.tolist(), header.size, hello.substitute(name="Ada"), moment.isoformat(), str(address), heapq.heappop(heap)
