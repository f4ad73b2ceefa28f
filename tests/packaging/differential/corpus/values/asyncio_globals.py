# run: main()
import asyncio

limit = asyncio.Semaphore(2)
lock = asyncio.Lock()


async def work(i):
    async with limit, lock:
        return i * 2


async def main():
    return await asyncio.gather(*(work(i) for i in range(3)))
