def late():
    return "late"
