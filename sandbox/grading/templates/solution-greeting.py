"""The reference solution, laid over the starter."""


def greet(name: str) -> str:
    if not name.strip():
        raise ValueError("a name is needed")
    return f"Hello, {name}"
