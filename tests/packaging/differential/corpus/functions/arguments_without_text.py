# run: train(function=FUNCTION, cfg=CFG)
# expect: refused: trainjob: train cannot be sent to a job
# %%
class Cfg:
    lr = 0.1
CFG = Cfg()
CFG.f = eval("lambda x: x * 2")
FUNCTION = eval("lambda x: x * 3")
def train(function, cfg):
    return function(2), cfg.f(3), cfg is CFG, isinstance(cfg, Cfg)
