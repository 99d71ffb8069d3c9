"""Another right solution: other style, same behaviour. Add at least three."""


def greet(name):
    trimmed = name.strip()
    if trimmed == "":
        raise ValueError("blank name")
    return "Hello, " + trimmed
