"""Change one thing in the answers that the solution's script has just filled in."""

import re
from pathlib import Path

path = Path("answers.toml")
text = path.read_text()
before, after = re.search(r"before = (\d+)", text)[1], re.search(r"after = (\d+)", text)[1]
text = text.replace(f"before = {before}", f"before = {after}").replace(f"after = {after}", f"after = {before or 1}")
text = text.replace("after = 0", "after = 1").replace("before = 1\n", "before = 2\n")
path.write_text(text)
