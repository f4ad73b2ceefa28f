# run: train()
A = [1]; A.append(A)
B = {"a": A}; B["b"] = B
def train(): return A[1] is A, B["a"] is A, B["b"] is B, A[1][0]
