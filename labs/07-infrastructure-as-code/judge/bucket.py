"""What a bucket's rules come to for the models in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MODEL = "models/2025-03-01/model.skops"
NARROWING = {
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:sourceaccount",
    "aws:sourcearn", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:userid", "s3:dataaccesspointaccount",
}  # fmt: skip
"""Condition keys that AWS takes to make a policy for anyone less than public (S3 user guide, "The meaning of public")."""
Rule = Mapping[str, Any]


def replaced_days(rules: Iterable[Rule]) -> list[int]:
    """After how many days the rules that apply to every model remove a replaced version."""
    return [
        int(rule["NoncurrentVersionExpiration"].get("NoncurrentDays", 0))
        for rule in rules
        if rule.get("Status") == "Enabled" and "NoncurrentVersionExpiration" in rule
        if MODEL.startswith(_prefix(rule)) and not _by_tag(rule)
    ]


def current_expiring(rules: Iterable[Rule]) -> list[str]:
    """Names of rules by which a current model can disappear."""
    return [
        str(rule.get("ID", "?"))
        for rule in rules
        if rule.get("Status") == "Enabled" and {"Days", "Date"} & set(rule.get("Expiration", {}))
        if MODEL.startswith(_prefix(rule)) or _prefix(rule).startswith("models/")
    ]


def _filter(rule: Rule) -> Mapping[str, Any]:
    found: Mapping[str, Any] = rule.get("Filter") or {}
    return {**found, **(found.get("And") or {})}


def _prefix(rule: Rule) -> str:
    return str(rule.get("Prefix") or _filter(rule).get("Prefix") or "")


def _by_tag(rule: Rule) -> bool:
    return bool(_filter(rule).get("Tag") or _filter(rule).get("Tags"))


def lets_anyone_in(policy: Mapping[str, Any] | None) -> bool:
    """Whether a bucket policy allows something to everyone."""
    statements = (policy or {}).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        keys = {str(key).lower() for test in (statement.get("Condition") or {}).values() for key in test}
        if statement.get("Effect") == "Allow" and _anyone(statement) and not keys & NARROWING:
            return True
    return False


def _anyone(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, Mapping) else principal
    return "NotPrincipal" in statement or "*" in (named if isinstance(named, list) else [named])
