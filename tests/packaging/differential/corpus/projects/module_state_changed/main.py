# run: train()
# %%
import settings
from settings import lr

# %%
settings.lr = 3e-4
settings.layers.append(128)
settings.extra = "new"


# %%
def train():
    return settings.lr, settings.layers, settings.extra, lr
