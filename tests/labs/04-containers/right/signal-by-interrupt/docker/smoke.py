"""Asks a few times, and then gives up."""

import time
import urllib.request

for attempt in range(5):
    try:
        urllib.request.urlopen("http://api:8000/readyz", timeout=3)
        raise SystemExit(0)
    except OSError as error:
        print(error)
        time.sleep(1)
raise SystemExit(1)
