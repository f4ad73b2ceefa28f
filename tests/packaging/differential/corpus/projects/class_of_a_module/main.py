# run: model.fit(x=3)
from zoo import Linear

model = Linear(2.0)
model.bias = 0.5
