# run: main()
import asyncio
from contextlib import asynccontextmanager


@asynccontextmanager
async def session(name):
    print("open", name)
    yield name * 2
    print("close", name)


class Client:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        print("bye")

    async def get(self):
        await asyncio.sleep(0)
        return 7


async def main():
    async with session("s") as name, Client() as client:
        return name, await client.get()
