"""Steps before anything is started."""

import hashlib
import json

from deploy.steps.context import Stop
from flightdelay.evaluate import auc
from flightdelay.model import KNOWN_AT_DEPARTURE, features, probability


def hash_matches(ctx):
    if hashlib.sha256(ctx.model.encode("utf-8")).hexdigest() != ctx.card["model_sha256"]:
        raise Stop("blocked", "hash")


def months_apart(ctx):
    if not {int(row["month"]) for row in ctx.flights}.isdisjoint(ctx.card["trained_months"]):
        raise Stop("blocked", "months")


def nothing_leaks(ctx):
    if not features(json.loads(ctx.model)) <= set(KNOWN_AT_DEPARTURE):
        raise Stop("blocked", "leak")


def quality(ctx):
    old = json.loads(ctx.fleet.package(ctx.live["version"])["model"])
    new = json.loads(ctx.model)
    late = [row["late"] for row in ctx.flights]
    scores = {name: [probability(m, row) for row in ctx.flights] for name, m in (("new", new), ("old", old))}
    if auc(late, scores["new"]) <= auc(late, scores["old"]):
        raise Stop("blocked", "worse")
    for carrier in {row["carrier"] for row in ctx.flights}:
        rows = [i for i, row in enumerate(ctx.flights) if row["carrier"] == carrier]
        new_auc, old_auc = (auc([late[i] for i in rows], [scores[n][i] for i in rows]) for n in ("new", "old"))
        if new_auc - old_auc < -0.05:
            raise Stop("blocked", "carrier")


ALL = [hash_matches, months_apart, nothing_leaks, quality]
