"""Assertions with names."""


def takes(function, given, expected):
    assert function(*given) == expected, given
