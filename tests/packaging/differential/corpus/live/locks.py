# run: train()
import threading, logging
class S:
    lock = threading.Lock()
    def __init__(self): self.l = threading.RLock(); self.log = logging.getLogger("x"); self.n = 0
    def inc(self):
        with self.lock, self.l: self.n += 1
        return self.n
s = S(); s.inc()
def train(): return s.inc(), s.log.name
