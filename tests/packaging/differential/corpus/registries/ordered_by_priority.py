# run: pipeline(text="  Hello World ")
_steps = []


def step(priority):
    def wrap(function):
        _steps.append((priority, function))
        _steps.sort(key=lambda each: each[0])
        return function

    return wrap


@step(priority=20)
def lower(text):
    return text.lower()


@step(priority=10)
def strip(text):
    return text.strip()


def pipeline(text):
    for _, function in _steps:
        text = function(text)
    return text, [function.__name__ for _, function in _steps]
