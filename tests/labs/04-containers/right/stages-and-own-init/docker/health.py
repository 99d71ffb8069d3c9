"""Healthy is who predicts."""

import json
import os
import sys
import urllib.request

url = f"http://127.0.0.1:{os.environ.get('SERVICE_PORT', '8000')}/predict"
request = urllib.request.Request(url, json.dumps({"hour": 12}).encode(), {"Content-Type": "application/json"})
try:
    with urllib.request.urlopen(request, timeout=4) as answer:
        sys.exit(not 0 <= json.load(answer)["probability"] <= 1)
except Exception as error:
    print(error)
    sys.exit(1)
