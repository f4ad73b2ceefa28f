def build():
    return "large model"
