"""A wrong submission: an honest mistake that the checks must tell. Add at least ten."""


def greet(name):
    if not name.strip():
        raise ValueError("a name is needed")
    return "Hello, friend"
