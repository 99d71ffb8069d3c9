"""Announce a trained model to the model registry: `python tools/register.py build`.

Needs the registry's token in the environment variable REGISTRY_TOKEN. Writes `receipt.json` beside the model: the
proof that it was announced. What was sent is kept in `request.log` in the same folder, to find out what went wrong.
"""

import hashlib
import hmac
import json
import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Sign the model with the token, as the registry would."""
    token = os.environ.get("REGISTRY_TOKEN", "")
    if not token:
        print("REGISTRY_TOKEN is not set: the registry would refuse")
        return 2
    build = Path(arguments[0] if arguments else "build")
    digest = hashlib.sha256((build / "model.json").read_bytes()).hexdigest()
    request = f"POST /models HTTP/1.1\nAuthorization: Bearer {token}\n\n{digest}\n"
    (build / "request.log").write_text(request, encoding="utf-8")
    signature = hmac.new(token.encode(), digest.encode(), hashlib.sha256).hexdigest()
    receipt = {"model_sha256": digest, "signature": signature}
    (build / "receipt.json").write_text(json.dumps(receipt) + "\n", encoding="utf-8")
    print(f"registered {digest[:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
