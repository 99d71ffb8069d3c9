import re
from pathlib import Path

path = Path('Dockerfile')
path.write_text(re.sub(r'HEALTHCHECK.*\n.*\n', '', path.read_text()))
