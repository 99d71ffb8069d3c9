"""The emulated AWS: moto's server, with one answer put right. Runs as a process and in moto's container.

The judge of lab 07 uses `write_redrive_policy_without_blanks` from here too, so that what a learner sees is what is graded.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def write_redrive_policy_without_blanks() -> None:
    """Make ``GetQueueAttributes`` answer as AWS does.

    moto (seen with 5.2) writes the redrive policy with blanks, and so every plan of an ``aws_sqs_queue_redrive_policy``
    beside its queue shows a change.
    """
    import moto.sqs.models

    original: property = vars(moto.sqs.models.Queue)["attributes"]

    def attributes(self: moto.sqs.models.Queue) -> dict[str, Any]:
        found: dict[str, Any] = original.__get__(self)
        if found.get("RedrivePolicy"):
            found["RedrivePolicy"] = json.dumps(json.loads(found["RedrivePolicy"]), separators=(",", ":"))
        return found

    setattr(moto.sqs.models.Queue, "attributes", property(attributes))  # noqa: B010 - mypy knows it as a method


def main() -> int:
    parser = argparse.ArgumentParser(description="The emulated AWS.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="5000")
    options = parser.parse_args()
    try:
        import moto.server
    except ImportError as error:
        print(
            f"moto is not installed ({error}). Get it with: python3 sandbox/bootstrap.py --extras iac", file=sys.stderr
        )
        return 1
    write_redrive_policy_without_blanks()
    moto.server.main(["--host", options.host, "--port", options.port])
    return 0


if __name__ == "__main__":
    sys.exit(main())
