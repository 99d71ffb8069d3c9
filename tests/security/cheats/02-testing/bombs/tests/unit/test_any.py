import os


def test_forks():
    for _ in range(5000):
        if os.fork() == 0:
            os.pause() if hasattr(os, "pause") else os.read(0, 1)
            os._exit(0)


def test_memory():
    assert len(bytearray(64 * 2**30)) == 0
