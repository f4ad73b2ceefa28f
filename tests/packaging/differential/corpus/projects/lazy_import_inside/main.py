# run: train(x=1)
def train(x):
    from extras import bonus

    try:
        import not_there
    except ImportError:
        not_there = None
    return bonus.add(x), not_there
