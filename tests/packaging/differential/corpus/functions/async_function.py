# run: main(n=3)
import asyncio


async def fetch(i):
    await asyncio.sleep(0)
    return i * i


async def stream(n):
    for i in range(n):
        yield await fetch(i)


async def main(n):
    gathered = await asyncio.gather(*(fetch(i) for i in range(n)))
    return gathered, [value async for value in stream(n)]
