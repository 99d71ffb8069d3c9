"""What lab 07 reads without Terraform: alarms, rights, what is held in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.judges import judge_of

ACCOUNT = "123456789012"
BUCKET = "arn:aws:s3:::flight-delay-dev-models"
PARAMETER = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/flight-delay/dev/model-version"
REPOSITORY = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/flight-delay-dev"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:flight-delay-dev-retraining"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/flight-delay-dev-service"
TAGS = {"Project": "flight-delay", "Environment": "dev", "Owner": "ml@example.com", "ManagedBy": "terraform"}
NEEDED = [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": f"{BUCKET}/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET},
    {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": PARAMETER},
    {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": REPOSITORY},
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
]
CALLS = [
    ("s3:GetObject", f"{BUCKET}/models/2025-03-01/model.skops"), ("s3:ListBucket", BUCKET), ("ssm:GetParameter", PARAMETER),
    ("ecr:BatchGetImage", REPOSITORY), ("ecr:GetAuthorizationToken", "*"),
]  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> Iterator[Any]:
    """Imports a module of the lab's ``judge``, as its fixtures do."""
    with judge_of("07-infrastructure-as-code") as module:
        yield module


# --- alarms -------------------------------------------------------------------------------------------------------------


def metric(name: str, returns: bool | None = None) -> dict[str, Any]:
    query: dict[str, Any] = {"Id": name, "MetricStat": {"Metric": {"MetricName": name}, "Stat": "Maximum"}}
    return query if returns is None else {**query, "ReturnData": returns}


def calculation(text: str, name: str = "answer", returns: bool = True) -> dict[str, Any]:
    return {"Id": name, "Expression": text, "ReturnData": returns}


@pytest.mark.parametrize(
    ("queries", "name"),
    [
        ([metric("m1")], "m1"),
        ([metric("m1", True), metric("m2", False)], "m1"),
        ([metric("m1", False), calculation("m1")], "m1"),
        ([metric("m1", False), calculation("FILL(m1, 0)")], "m1"),
        ([metric("m1", False), calculation(" fill( m1 , REPEAT ) ")], "m1"),
        ([metric("m1", False), calculation("FILL(m1,0)", "filled", False), calculation("filled")], "m1"),
    ],
)
def test_an_alarm_on_queries_watches_the_metric_that_it_returns(judge: Any, queries: Any, name: str) -> None:
    watched, expression = judge("alarm").watched(queries)
    assert (watched["Metric"]["MetricName"], expression) == (name, "")


@pytest.mark.parametrize(
    "text", ["m1 * 0", "m1 - 1", "FILL(m1, 1)", "IF(m1 > 5, 1, 0)", "MIN([m1, 0])", "m1 + FILL(m1, 0)", "RATE(m1)"]
)
def test_an_expression_that_may_change_a_number_is_told(judge: Any, text: str) -> None:
    assert judge("alarm").watched([metric("m1", False), calculation(text)])[1] == text
    through = [metric("m1", False), calculation(text, "inner", False), calculation("inner")]
    assert judge("alarm").watched(through)[1] == text


def test_an_alarm_without_queries_or_with_queries_in_a_circle_watches_nothing(judge: Any) -> None:
    assert judge("alarm").watched([]) == (None, "")
    circle = [calculation("b", "a"), calculation("a", "b", returns=False)]
    assert judge("alarm").watched(circle) == (None, "")
    assert judge("alarm").watched([calculation("nobody")]) == (None, "")


# --- rights -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def role_with(judge: Any) -> Any:
    """Makes dev's platform with a role that has these statements beside those that it needs."""

    def make(*more: dict[str, Any], boundary: Any = None) -> Any:
        named = {
            part: {"arn": arn}
            for part, arn in (("bucket", BUCKET), ("parameter", PARAMETER), ("repository", REPOSITORY))
        }
        role = {
            "inline": {"needed": {"Statement": [*NEEDED, *more]}},
            "attached": {},
            "boundary": boundary,
            "tags": TAGS,
            "arn": ROLE,
        }
        return judge("cloud").Platform("dev", **named, queue=None, dead_letter=None, alarm=None, role=role)

    return make  # fmt: skip


def too_many(judge: Any, platform: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = judge("access").excess(platform)[0]
    return found


def test_what_the_service_needs_is_not_too_much(judge: Any, role_with: Any) -> None:
    platform = role_with()
    assert all(judge("access").allowed(platform, *call) for call in CALLS)
    assert too_many(judge, platform) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"NotIpAddress": {"aws:SourceIp": "10.0.12.7/32"}},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"DateGreaterThanEquals": {"aws:CurrentTime": "2000-01-01T00:00:00Z"}},
        {"DateLessThan": {"aws:CurrentTime": "2000-01-01T00:00:00Z"}},
        {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
        {"Bool": {"aws:SecureTransport": "false"}},
        {"Bool": {"aws:MultiFactorAuthPresent": True}},
        {"Null": {"aws:TokenIssueTime": "true"}},
        {"StringLike": {"s3:prefix": "secret/*"}},
        {"SomeNewOperator": {"aws:PrincipalTag/Project": "flight-delay"}},
        {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
        {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
        {"StringEquals": {"aws:PrincipalTag/Project": "flight-delay"}},
        {"StringEquals": {"aws:ResourceTag/Environment": "${aws:PrincipalTag/Environment}"}},
        {"Bool": {"aws:PrincipalIsAWSService": "false"}},
    ],
)
def test_a_right_under_circumstances_is_a_right(judge: Any, role_with: Any, condition: Any) -> None:
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": condition}
    assert ("sqs:PurgeQueue", QUEUE) in too_many(judge, role_with(statement))


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalAccount": "999999999999"}},
        {"StringEquals": {"aws:PrincipalTag/Project": "payroll"}},
        {"StringEquals": {"aws:PrincipalTag/Team": "anyone"}},
        {"Null": {"aws:PrincipalTag/Project": "true"}},
    ],
)
def test_a_right_that_never_comes_about_is_none(judge: Any, role_with: Any, condition: Any) -> None:
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": condition}
    assert too_many(judge, role_with(statement)) == []


def test_a_refusal_under_circumstances_takes_nothing_away(judge: Any, role_with: Any) -> None:
    wide = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    now = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    always = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
    assert ("sqs:PurgeQueue", QUEUE) in too_many(judge, role_with(wide, now))
    assert too_many(judge, role_with(wide, always)) == []


def test_a_boundary_holds_under_all_circumstances_or_not_at_all(judge: Any, role_with: Any) -> None:
    wide = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    assert too_many(judge, role_with(wide, boundary={"Statement": NEEDED})) == []
    by_day = {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:CurrentTime": "2000-01-01T00:00:00Z"}},
    }
    assert ("sqs:PurgeQueue", QUEUE) in too_many(judge, role_with(wide, boundary={"Statement": [by_day]}))  # fmt: skip


def test_a_right_by_tag_reaches_all_that_bears_the_tag(judge: Any, role_with: Any) -> None:
    def by_tag(key: str, value: str, action: str = "ssm:GetParameter") -> Any:
        condition = {"StringEquals": {f"aws:ResourceTag/{key}": value}}
        return role_with({"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition})

    parameters = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/flight-delay"
    found = too_many(judge, by_tag("Environment", "dev"))
    assert ("ssm:GetParameter", f"{parameters}/dev/database-password") in found
    assert ("ssm:GetParameter", f"{parameters}/prod/model-version") not in found
    assert ("ssm:GetParameter", f"{parameters}/prod/model-version") in too_many(
        judge, by_tag("Project", "flight-delay")
    )
    assert too_many(judge, by_tag("Project", "nobody's")) == []


@pytest.mark.parametrize(
    ("principal", "given"),
    [
        ({"AWS": ROLE}, True), ({"AWS": ["arn:aws:iam::999999999999:root", ROLE]}, True), ("*", True), ({"AWS": "*"}, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, False), ({"Service": "logging.s3.amazonaws.com"}, False),
    ],
)  # fmt: skip
def test_the_buckets_policy_can_give_the_role_a_right(judge: Any, role_with: Any, principal: Any, given: bool) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:DeleteObject", "Resource": f"{BUCKET}/*"}
    platform = role_with()
    platform.bucket["policy"] = {"Statement": statement}
    call = ("s3:DeleteObject", f"{BUCKET}/models/2025-03-01/model.skops")
    assert (call in too_many(judge, platform)) == given
    platform.bucket["policy"]["Statement"]["Effect"] = "Deny"
    assert too_many(judge, platform) == []


# --- what is held -------------------------------------------------------------------------------------------------------


def resource(kind: str, name: str, identity: str, mode: str = "managed") -> dict[str, Any]:
    return {"mode": mode, "type": kind, "name": name, "module": "module.platform", "instances": [{"attributes": {"id": identity}}]}  # fmt: skip


def test_what_two_states_hold_is_told_by_its_address(judge: Any) -> None:
    dev = {"resources": [resource("aws_sns_topic", "alerts", "arn:alerts"), resource("aws_sqs_queue", "a", "dev-a")]}
    prod = {"resources": [resource("aws_sns_topic", "bells", "arn:alerts"), resource("aws_sqs_queue", "a", "prod-a")]}
    assert judge("inventory").shared(dev, prod) == ["module.platform.aws_sns_topic.alerts"]
    assert judge("inventory").shared(dev, {}) == []


def test_what_is_only_read_or_has_no_place_in_the_cloud_is_shared_freely(judge: Any) -> None:
    read = {"resources": [resource("aws_caller_identity", "me", ACCOUNT, "data"), resource("terraform_data", "x", "1")]}
    assert judge("inventory").shared(read, read) == []


class Listing:
    """A cloud that holds one topic, two aliases, and nothing else."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def client(self, service: str) -> Any:
        self.asked.add(service)
        return self

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self) -> list[dict[str, list[dict[str, str]]]]:
        """Two pages of parameters."""
        return [{"Parameters": [{"Name": "/one"}]}, {"Parameters": [{"Name": "/two"}]}]

    def __getattr__(self, call: str) -> Any:
        full = {
            "Buckets": [{"Name": "flight-delay-terraform-state"}, {"Name": "flight-delay-dev-models"}],
            "TableNames": ["flight-delay-terraform-locks"],
            "Topics": [{"TopicArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:alerts"}],
            "Aliases": [{"AliasName": "alias/aws/s3"}, {"AliasName": "alias/dev"}],
        }
        empty = ("repositories", "Roles", "Policies", "Users")
        return lambda **_: full | dict.fromkeys(empty, ())


def test_services_beyond_the_contract_are_asked_only_where_a_state_names_them(judge: Any) -> None:
    cloud = Listing()
    assert judge("inventory").inventory(cloud) == {"bucket flight-delay-dev-models", "parameter /one", "parameter /two"}
    assert not cloud.asked & {"sns", "kms"}
    kinds = judge("inventory").kinds(
        {"resources": [resource("aws_sns_topic", "a", "b"), resource("aws_kms_alias", "a", "b")]}
    )
    assert judge("inventory").inventory(cloud, kinds) - judge("inventory").inventory(cloud) == {"topic alerts", "key alias alias/dev"}  # fmt: skip


@pytest.mark.parametrize(
    ("versions", "entries", "locked"),
    [
        ([], [], False),
        ([{"Key": "dev/terraform.tfstate.tflock"}], [], True),
        ([], ["flight-delay-terraform-state/dev/terraform.tfstate-md5"], True),
        ([], ["flight-delay-terraform-state/prod/terraform.tfstate-md5"], False),
    ],
)
def test_a_lock_leaves_a_trace_when_it_is_gone(judge: Any, versions: Any, entries: list[str], locked: bool) -> None:
    class Client:
        def list_object_versions(self, **_: str) -> dict[str, Any]:
            return {"Versions": versions} if versions else {}

        def scan(self, **_: str) -> dict[str, Any]:
            return {"Items": [{"LockID": {"S": entry}} for entry in entries]}

    cloud = judge("cloud").Cloud(None, "token")
    cloud._clients = {"s3": Client(), "dynamodb": Client()}
    assert cloud.was_locked("dev") == locked
