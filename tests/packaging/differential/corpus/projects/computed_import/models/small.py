def build():
    return "small model"
