"""Process 1: starts the service, passes signals on, reaps whoever ends, ends with the service's own status."""

import os
import signal
import sys

service = os.posix_spawn(sys.executable, [sys.executable, "-m", "service"], os.environ)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, frame: os.kill(service, number))
while True:
    ended, status = os.wait()
    if ended == service:
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
