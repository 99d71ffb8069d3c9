"""`python -m service.audit COUNT`: one line for the audit log, written by a process of its own.

It lets go of the process that started it, so that a slow log never holds up an answer.
"""

from __future__ import annotations

import os
import sys
import time

if os.fork() == 0:
    time.sleep(0.1)
    print(f"audit: {sys.argv[1]} flights", flush=True)
os._exit(0)
