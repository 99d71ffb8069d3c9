"""Everything that lies in the emulated cloud, and which of it two environments hold in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from judge.cloud import Cloud, Described
from judge.seed import LOCK_TABLE, STATE_BUCKET

List = Callable[[Any], Iterable[str]]
CONTRACT: dict[str, tuple[str, List]] = {
    "bucket": ("s3", lambda c: (b["Name"] for b in c.list_buckets()["Buckets"])),
    "repository": ("ecr", lambda c: (r["repositoryName"] for r in c.describe_repositories()["repositories"])),
    "parameter": ("ssm", lambda c: _parameters(c)),
    "queue": ("sqs", lambda c: (url.rsplit("/", 1)[-1] for url in c.list_queues().get("QueueUrls", []))),
    "alarm": ("cloudwatch", lambda c: _alarms(c.describe_alarms())),
    "role": ("iam", lambda c: (r["RoleName"] for r in c.list_roles()["Roles"])),
    "policy": ("iam", lambda c: (p["PolicyName"] for p in c.list_policies(Scope="Local")["Policies"])),
    "user": ("iam", lambda c: (u["UserName"] for u in c.list_users()["Users"])),
    "table": ("dynamodb", lambda c: c.list_tables()["TableNames"]),
}
"""What is always asked for, by kind: the AWS service, and how it lists their names."""

BEYOND: dict[str, tuple[str, str, List]] = {
    "aws_sns_topic": ("topic", "sns", lambda c: (t["TopicArn"].rsplit(":", 1)[-1] for t in c.list_topics()["Topics"])),
    "aws_cloudwatch_log_group": ("log group", "logs", lambda c: (g["logGroupName"] for g in c.describe_log_groups()["logGroups"])),
    "aws_cloudwatch_dashboard": ("dashboard", "cloudwatch", lambda c: (d["DashboardName"] for d in c.list_dashboards()["DashboardEntries"])),
    "aws_cloudwatch_event_rule": ("event rule", "events", lambda c: (r["Name"] for r in c.list_rules()["Rules"])),
    # Not those that wait for the end of their recovery window: AWS deletes no other way.
    "aws_secretsmanager_secret": ("secret", "secretsmanager", lambda c: (s["Name"] for s in c.list_secrets()["SecretList"])),
    "aws_kms_alias": ("key alias", "kms", lambda c: (a["AliasName"] for a in c.list_aliases()["Aliases"] if not a["AliasName"].startswith("alias/aws/"))),
    "aws_ecs_cluster": ("cluster", "ecs", lambda c: (arn.rsplit("/", 1)[-1] for arn in c.list_clusters()["clusterArns"])),
}  # fmt: skip
"""What is asked for where a state knows its kind of resource: a service of the cloud takes a second to begin."""


def _alarms(found: Described) -> Iterator[str]:
    return (alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found.get(kind, []))


def _parameters(client: Any) -> Iterator[str]:
    # Ten a page, and no more.
    pages = client.get_paginator("describe_parameters").paginate()
    return (parameter["Name"] for page in pages for parameter in page["Parameters"])


def inventory(cloud: Cloud, kinds: Iterable[str] = ()) -> set[str]:
    """Everything in the cloud, as ``kind name``, without what the judge itself put there.

    Args:
        kinds: kinds of resources as Terraform calls them, that are to be looked for beyond those of the contract.
    """
    asked = [(kind, *how) for kind, how in CONTRACT.items()] + [BEYOND[kind] for kind in sorted({*kinds} & {*BEYOND})]
    found = {f"{kind} {name}" for kind, service, names in asked for name in names(cloud.client(service))}
    return found - {f"bucket {STATE_BUCKET}", f"table {LOCK_TABLE}"}


def kinds(*states: Described) -> set[str]:
    """Kinds of the resources that some states know."""
    return {str(resource.get("type")) for state in states for resource in _managed(state)}


def shared(one: Described, other: Described) -> list[str]:
    """Addresses in the one state of what the other state holds as well: two environments would fight over it."""
    there = {thing for _, thing in _things(other)}
    return [address for address, thing in _things(one) if thing in there]


def _managed(state: Described) -> Iterator[Described]:
    return (
        r for r in state.get("resources", []) if r.get("mode") == "managed" and str(r.get("type")).startswith("aws_")
    )


def _things(state: Described) -> Iterator[tuple[str, tuple[str, str]]]:
    for resource in _managed(state):
        for instance in resource.get("instances", []):
            if known := (instance.get("attributes") or {}).get("id"):
                address = ".".join(filter(None, (resource.get("module"), resource["type"], resource.get("name"))))
                yield address, (str(resource["type"]), str(known))
