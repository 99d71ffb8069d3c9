"""Stops the sick and the left-over; tests at the slot first for long, then shifts in four steps."""

import hashlib
import json
import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, ".")
from deploy.fleet import Fleet, Refused
from flightdelay.evaluate import model_auc, read_flights
from flightdelay.model import CARRIERS, KNOWN_AT_DEPARTURE, features, load, probability
from flightdelay.train import fit

TEMPLATE = """
http:
  routers:
    users: {rule: "PathPrefix(`/`)", service: users}
  services:
    users:
      weighted:
        services:
          - {name: blue, weight: %(blue)d}
          - {name: green, weight: %(green)d}
    blue: {loadBalancer: {servers: [{url: "http://127.0.0.1:9001"}]}}
    green: {loadBalancer: {servers: [{url: "http://127.0.0.1:9002"}]}}
"""


def main(command, folder="candidate"):
    if command == "build":
        return build(Path(folder))
    fleet = Fleet()
    while True:
        try:
            fleet.take_lease()
        except Refused:
            time.sleep(0.2)
        else:
            break
    try:
        return globals()[command](fleet, Path(folder))
    finally:
        fleet.return_lease()


def line(fleet, card, slot, outcome, reason):
    zone = timezone(timedelta(hours=1))
    fleet.record({
        "at": datetime.now(zone).isoformat(), "actor": os.environ["DEPLOY_ACTOR"], "version": card["version"],
        "commit": card["commit"], "slot": slot, "outcome": outcome, "reason": reason, "host": "runner",
    })


def stack(fleet):
    """What was in production, the newest last; a restored version takes the newer one off."""
    versions = []
    for entry in fleet.deployments():
        if entry["outcome"] == "promoted":
            versions.append(entry)
        elif entry["outcome"] == "restored":
            versions.pop()
            versions[-1] = {**versions[-1], "slot": entry["slot"]}
    return versions


def why_not(candidate, card, production, flights):
    if hashlib.sha256(candidate.encode()).hexdigest() != card["model_sha256"]:
        return "hash"
    if {f["month"] for f in flights}.intersection(map(float, card["trained_months"])):
        return "months"
    a, b = load(candidate), load(production)
    if model_auc(a, flights) > 0.95 or not all(name in KNOWN_AT_DEPARTURE for name in features(a)):
        return "leak"
    if not model_auc(a, flights) > model_auc(b, flights):
        return "worse"
    falls = [model_auc(b, part) - model_auc(a, part) for c in CARRIERS if (part := [f for f in flights if f["carrier"] == c])]
    return "carrier" if max(falls) > 0.05 else None


def deploy(fleet, folder):
    text = (folder / "model.json").read_bytes().decode()
    card_text = (folder / "card.json").read_bytes().decode()
    card = json.loads(card_text)
    live = stack(fleet)[-1]
    old, new = live["slot"], ("blue" if live["slot"] == "green" else "green")
    flights = read_flights(Path("data/holdout.csv"))
    reason = why_not(text, card, fleet.package(live["version"])["model"], flights)
    if reason:
        line(fleet, card, new, "blocked", reason)
        return 1
    fleet.route(TEMPLATE % {old: 100, new: 0})
    fleet.stop(new)
    fleet.start(new, text, card_text)
    reason = trial(fleet, new, old, text, flights)
    if reason:
        fleet.route(TEMPLATE % {old: 100, new: 0})
        time.sleep(0.5)
        fleet.stop(new)
        line(fleet, card, new, "rolled_back", reason)
        return 1
    line(fleet, card, new, "promoted", "healthy at every step")
    return 0


def trial(fleet, new, old, text, flights):
    for _ in range(400):
        state = fleet.slots()[new]["state"]
        if state == "ready":
            break
        if state == "failed":
            return "start"
        time.sleep(0.1)
    model = load(text)
    for flight in flights[:15]:
        status, answer = fleet.predict(new, flight)
        if status != 200 or abs(answer["probability"] - probability(model, flight)) > 1e-9:
            return "smoke"
    for share in (10, 50, 90, 100):
        fleet.route(TEMPLATE % {new: share, old: 100 - share})
        seen = fleet.watch(new, 120)
        if seen["requests"] and seen["errors"] / seen["requests"] > 0.01:
            return "errors"
        if seen["p95_ms"] > 200:
            return "latency"
        if seen["memory_mb_after"] - seen["memory_mb_before"] > 30:
            return "memory"
    return None


def build(folder):
    """The card first says what is known before, then what the file came to."""
    rows = read_flights(Path("data/train.csv"))
    card = {"commit": os.environ["GITHUB_SHA"], "trained_months": sorted({round(f["month"]) for f in rows})}
    model = fit(rows)
    card["version"] = model["version"] = ".".join(("1", card["commit"][:8], str(time.time_ns())))
    card["features"] = sorted(model["weights"])
    text = json.dumps(model, indent=4, sort_keys=True) + "\n"
    card["model_sha256"] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    card["metrics"] = {"auc": model_auc(model, read_flights(Path("data/holdout.csv")))}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("model.json", text), ("card.json", json.dumps(card, indent=4))):
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


def rollback(fleet, _):
    before, now = stack(fleet)[-2:]
    slot = "blue" if now["slot"] == "green" else "green"
    there = fleet.slots()[slot]
    if there["version"] != before["version"] or there["state"] != "ready":
        package = fleet.package(before["version"])
        fleet.start(slot, package["model"], package["card"])
        while fleet.slots()[slot]["state"] != "ready":
            time.sleep(0.05)
    fleet.route(TEMPLATE % {slot: 100, now["slot"]: 0})
    line(fleet, before, slot, "restored", "rollback")
    return 0


sys.exit(main(*sys.argv[1:]))
