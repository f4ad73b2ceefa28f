# run: train()
class MyErr(ValueError):
    def __init__(self, code): super().__init__(f"code {code}"); self.code = code
ERR = MyErr(3)
def train():
    try: raise ERR
    except ValueError as e: return str(e), e.code, e.args
