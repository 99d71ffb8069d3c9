"""What a real checkout holds beside the code, put into a new workspace: a secret and 50 MB of data that git ignores."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

DATA_BYTES = 50_000_000
BLOCK = 1_000_000


def main(workspace: Path) -> None:
    (workspace / ".env").write_text(f"MODEL_REGISTRY_TOKEN=sk-{secrets.token_hex(16)}\n", "utf-8")
    data = workspace / "data" / "flights-raw.bin"
    data.parent.mkdir()
    with data.open("wb") as file:
        for _ in range(DATA_BYTES // BLOCK):
            file.write(os.urandom(BLOCK))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
