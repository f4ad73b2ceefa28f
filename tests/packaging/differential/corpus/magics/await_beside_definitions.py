# run: train(n=3)
# %%
import asyncio


async def get(x):
    await asyncio.sleep(0)
    return x + 4


class Net:
    size = 2


def scaled(x):
    return x * Net.size


w = await get(3)
# %%
async with asyncio.Lock():
    limit = 5
# %%
def train(n):
    return scaled(w) + n, limit
