def describe():
    return "my own profile"
