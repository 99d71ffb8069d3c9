"""The emulated cloud tells of policies what AWS tells, for Terraform waits until it does; and enforces none of them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).resolve().parents[3] / "sandbox" / "stack" / "cloud" / "server.py"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}]})


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Any:
    models = pytest.importorskip("moto.sqs.models")
    monkeypatch.setattr(models.Queue, "redrive_allow_policy", None, raising=False)
    for name in ("attributes", "_set_attributes", "BASE_ATTRIBUTES"):
        # Put back after the test: what is put right is a class of moto's.
        monkeypatch.setattr(models.Queue, name, vars(models.Queue)[name])
    runpy.run_path(str(SERVER))["put_queues_right"]()
    return models.Queue("retraining", "eu-west-1", "123456789012")


def test_policies_that_were_never_set_are_not_told(queue: Any) -> None:
    assert not {"Policy", "RedrivePolicy", "RedriveAllowPolicy"} & {
        k for k, v in queue.attributes.items() if v is not None
    }


def test_a_redrive_allow_policy_is_told_without_blanks(queue: Any) -> None:
    queue._set_attributes({"RedriveAllowPolicy": '{"redrivePermission": "denyAll"}'})
    assert queue.attributes["RedriveAllowPolicy"] == '{"redrivePermission":"denyAll"}'
    assert "RedriveAllowPolicy" in queue.BASE_ATTRIBUTES, "moto refuses to tell an attribute that is not listed"
    queue._set_attributes({"RedriveAllowPolicy": ""})
    assert "RedriveAllowPolicy" not in queue.attributes


def test_an_access_policy_stays_when_something_else_is_set(queue: Any) -> None:
    queue._set_attributes({"Policy": POLICY})
    queue._set_attributes({"VisibilityTimeout": "60"})
    assert json.loads(queue.attributes["Policy"]) == json.loads(POLICY)
    queue._set_attributes({"Policy": ""})
    assert not queue.attributes.get("Policy")


def test_a_bucket_policy_refuses_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    models = pytest.importorskip("moto.s3.models")
    # Put back after the test.
    monkeypatch.setattr(models.FakeBucket, "get_permission", models.FakeBucket.get_permission)
    bucket = models.FakeBucket("flight-delay-dev-models", "123456789012", "eu-west-1")
    bucket.policy = json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                       "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
    }).encode()  # fmt: skip
    assert bucket.get_permission("s3:PutObject", "arn:aws:s3:::flight-delay-dev-models/a").name == "DENIED"
    runpy.run_path(str(SERVER))["enforce_no_bucket_policies"]()
    assert bucket.get_permission("s3:PutObject", "arn:aws:s3:::flight-delay-dev-models/a").name == "NEUTRAL"
