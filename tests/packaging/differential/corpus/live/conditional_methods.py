# run: train()
import sys
class A:
    if sys.version_info > (3,):
        def go(self): return "new"
    else:
        def go(self): return "old"
    for _n in range(2):
        pass
    try:
        import json
    except ImportError:
        json = None
def train(): return A().go(), A.json.dumps([1]), A._n
