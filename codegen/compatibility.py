def write(root, configuration): return []
def missing(root, configuration): return []
