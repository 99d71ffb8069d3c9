"""The emulated AWS: moto's server, with some answers put right. Runs as a process and in moto's container.

The judge of lab 07 uses `put_answers_right` from here too, so that what a learner sees is what is graded.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def put_queues_right() -> None:
    """Make SQS keep and tell a queue's policies as AWS does.

    moto (seen with 5.2) writes the redrive policy with blanks, and so every plan of an ``aws_sqs_queue_redrive_policy`` beside its
    queue shows a change. It keeps a redrive allow policy and knows no attribute of that name, and forgets the access policy whenever another
    attribute is set: there, an apply waits for minutes for what it has just written.
    """
    import moto.sqs.models

    queue = moto.sqs.models.Queue
    if "RedriveAllowPolicy" not in queue.BASE_ATTRIBUTES:
        queue.BASE_ATTRIBUTES = [*queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
        setattr(queue, "redrive_allow_policy", None)  # noqa: B010 - mypy does not know it
    told: property = vars(queue)["attributes"]
    write = queue._set_attributes

    def attributes(self: moto.sqs.models.Queue) -> dict[str, Any]:
        found: dict[str, Any] = told.__get__(self)
        for name in ("RedrivePolicy", "RedriveAllowPolicy"):
            # What is not set is not told at all.
            if policy := found.pop(name, None):
                found[name] = json.dumps(json.loads(policy), separators=(",", ":"))
        return found

    def set_attributes(self: moto.sqs.models.Queue, attributes: dict[str, Any], now: float | None = None) -> None:
        kept = getattr(self, "policy", None)
        write(self, attributes, now)
        if "Policy" not in attributes:
            self.policy = kept

    setattr(queue, "attributes", property(attributes))  # noqa: B010 - mypy knows it as a method
    setattr(queue, "_set_attributes", set_attributes)  # noqa: B010


def enforce_no_bucket_policies() -> None:
    """Keep a bucket's policy and tell it, but refuse no call by it, as moto refuses none by any other policy.

    moto (seen with 5.2) reads neither conditions nor principals of a bucket policy: by one that refuses what is not encrypted, which
    every guide advises, it refuses every call.
    """
    import moto.s3.models
    from moto.iam.access_control import PermissionResult

    setattr(moto.s3.models.FakeBucket, "get_permission", lambda *_, **__: PermissionResult.NEUTRAL)  # noqa: B010


def put_answers_right() -> None:
    """All that is put right."""
    put_queues_right()
    enforce_no_bucket_policies()


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
    put_answers_right()
    moto.server.main(["--host", options.host, "--port", options.port])
    return 0


if __name__ == "__main__":
    sys.exit(main())
