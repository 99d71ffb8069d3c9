"""Changes behind Terraform's back: what someone in a hurry does in the console."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from judge.cloud import Cloud, Platform

EVERYTHING = {"Sid": "JustForToday", "Effect": "Allow", "Action": "*", "Resource": "*"}
DEPLOYED = "2025-03-01"
"""The model version that the delivery pipeline makes live."""


def deploy(cloud: Cloud, before: Platform) -> None:
    """What the delivery pipeline does at each release."""
    assert before.parameter
    cloud.client("ssm").put_parameter(
        Name=before.parameter["name"], Value=DEPLOYED, Type=before.parameter["type"], Overwrite=True
    )


def _suspend_versioning(cloud: Cloud, before: Platform) -> None:
    assert before.bucket
    cloud.client("s3").put_bucket_versioning(
        Bucket=before.bucket["name"], VersioningConfiguration={"Status": "Suspended"}
    )


def _open_to_the_public(cloud: Cloud, before: Platform) -> None:
    assert before.bucket
    cloud.client("s3").delete_public_access_block(Bucket=before.bucket["name"])


def _remove_tag(cloud: Cloud, before: Platform) -> None:
    assert before.bucket
    tags = [{"Key": key, "Value": value} for key, value in before.bucket["tags"].items() if key != "Owner"]
    cloud.client("s3").put_bucket_tagging(Bucket=before.bucket["name"], Tagging={"TagSet": tags})


def _let_tags_move(cloud: Cloud, before: Platform) -> None:
    assert before.repository
    cloud.client("ecr").put_image_tag_mutability(repositoryName=before.repository["name"], imageTagMutability="MUTABLE")


def _stop_scanning(cloud: Cloud, before: Platform) -> None:
    assert before.repository
    cloud.client("ecr").put_image_scanning_configuration(
        repositoryName=before.repository["name"], imageScanningConfiguration={"scanOnPush": False}
    )


def _widen_policy(cloud: Cloud, before: Platform) -> None:
    """Add a statement to a policy that the role has, wherever the learner put it."""
    assert before.role
    iam = cloud.client("iam")
    for name, document in before.role["inline"].items():
        iam.put_role_policy(RoleName=before.role["name"], PolicyName=name, PolicyDocument=_widened(document))
        return
    for arn, document in before.role["attached"].items():
        if ":aws:policy/" not in arn:
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=_widened(document), SetAsDefault=True)
            return


def _widened(document: dict[str, Any]) -> str:
    wide = copy.deepcopy(document)
    statements = wide.get("Statement", [])
    wide["Statement"] = [*(statements if isinstance(statements, list) else [statements]), EVERYTHING]
    return json.dumps(wide)


def _retag_parameter(cloud: Cloud, before: Platform) -> None:
    """The value has another owner; the tags have not."""
    assert before.parameter
    cloud.client("ssm").remove_tags_from_resource(
        ResourceType="Parameter", ResourceId=before.parameter["name"], TagKeys=["Owner"]
    )


def _delete_alarm(cloud: Cloud, before: Platform) -> None:
    assert before.alarm
    cloud.client("cloudwatch").delete_alarms(AlarmNames=[before.alarm["name"]])


CHANGES: dict[str, Callable[[Cloud, Platform], None]] = {
    "versioning-suspended": _suspend_versioning,
    "opened-to-the-public": _open_to_the_public,
    "tag-removed": _remove_tag,
    "image-tags-movable": _let_tags_move,
    "scanning-stopped": _stop_scanning,
    "policy-widened": _widen_policy,
    "alarm-deleted": _delete_alarm,
    "parameter-tag-removed": _retag_parameter,
}

_SEEN: dict[str, Callable[[Platform], Any]] = {
    "versioning-suspended": lambda p: p.bucket and p.bucket["versioning"],
    "opened-to-the-public": lambda p: p.bucket and p.bucket["public_access_block"],
    "tag-removed": lambda p: p.bucket and p.bucket["tags"],
    "image-tags-movable": lambda p: p.repository and p.repository["mutability"],
    "scanning-stopped": lambda p: p.repository and p.repository["scan_on_push"],
    "policy-widened": lambda p: p.role and [p.role["inline"], p.role["attached"]],
    "alarm-deleted": lambda p: p.alarm and p.alarm["name"],
    "parameter-tag-removed": lambda p: p.parameter and p.parameter["tags"],
}


def seen(change: str, platform: Platform) -> Any:
    """What a change touches, as the cloud tells it."""
    return _SEEN[change](platform)
