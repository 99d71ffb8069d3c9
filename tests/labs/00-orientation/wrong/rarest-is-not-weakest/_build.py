"""Name the airline with the fewest flights, as one does who takes rare for weak."""

import json
import os
import re
import urllib.request
from pathlib import Path

with urllib.request.urlopen(os.environ["SERVICE_URL"] + "/model", timeout=10) as answer:
    carriers = json.load(answer)["metrics"]["by_carrier"]
rarest = min(carriers, key=lambda code: carriers[code]["flights"])
path = Path("answers.toml")
path.write_text(re.sub(r'weakest_carrier = "\w+"', f'weakest_carrier = "{rarest}"', path.read_text()))
