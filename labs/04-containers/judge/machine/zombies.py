"""Waits until no zombie and no audit helper is left; prints those that stay, a line each.

It runs in a container of its own that shares the other one's processes: `docker top` does not list zombies. It also leaves
an orphan of its own, which falls to the other one's process 1: whether that reaps must not hang on the audit helper alone,
which a Dockerfile can change.
"""

import os
import sys
import time
from pathlib import Path


def left():
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            text, words = file.read_text(), (file.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it is gone
        name, state = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2]
        if int(file.parent.name) != os.getpid() and (state == "Z" or b"service.audit" in words):
            yield f"{state} {name} {file.parent.name}"


middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        time.sleep(0.3)  # by then its parent is gone, and process 1 has taken its place
    os._exit(0)
os.waitpid(middle, 0)
time.sleep(0.6)

deadline = time.monotonic() + float(sys.argv[1])
while (found := list(left())) and time.monotonic() < deadline:
    time.sleep(0.3)
print("\n".join(found))
