import sys


def test_output():
    for _ in range(300):
        sys.__stdout__.write("x" * 2**20)
    assert False
