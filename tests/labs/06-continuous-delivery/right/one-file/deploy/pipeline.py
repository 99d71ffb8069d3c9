"""Everything in one file; the router's configuration is written whole; a second deploy is refused."""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

from deploy.fleet import Fleet, Refused
from flightdelay import evaluate, train
from flightdelay import model as models

fleet = Fleet()
URLS = {"blue": "http://127.0.0.1:9001", "green": "http://127.0.0.1:9002"}


def route(**weights):
    fleet.route(json.dumps({
        "http": {
            "routers": {"all": {"rule": "PathPrefix(`/`)", "service": "split", "entryPoints": ["web"]}},
            "services": {
                "split": {"weighted": {"services": [{"name": f"slot-{s}", "weight": w} for s, w in weights.items() if w]}},
                **{f"slot-{s}": {"loadBalancer": {"servers": [{"url": u}]}} for s, u in URLS.items()},
            },
        }
    }))


def note(outcome, reason, version, commit, slot):
    at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    who = os.environ["DEPLOY_ACTOR"]
    fleet.record(dict(outcome=outcome, reason=reason, version=version, commit=commit, slot=slot, at=at, actor=who))


def verdict(model_text, card, old_text, flights):
    if hashlib.sha256(model_text.encode()).hexdigest() != card["model_sha256"]:
        return "hash"
    if any(f["month"] in card["trained_months"] for f in flights):
        return "months"
    new, old = json.loads(model_text), json.loads(old_text)
    aucs = evaluate.model_auc(new, flights), evaluate.model_auc(old, flights)
    if aucs[0] > 0.95 or models.features(new).difference(models.KNOWN_AT_DEPARTURE):
        return "leak"
    if aucs[0] <= aucs[1]:
        return "worse"
    for carrier in models.CARRIERS:
        mine = [f for f in flights if f["carrier"] == carrier]
        if evaluate.model_auc(new, mine) < evaluate.model_auc(old, mine) - 0.05:
            return "carrier"
    return ""


def wait_ready(slot):
    for _ in range(900):
        state = fleet.slots()[slot]["state"]
        if state != "starting":
            return state == "ready"
        time.sleep(0.1)
    return False


def sick(slot, model_text, flights, live):
    if not wait_ready(slot):
        return "start"
    model = json.loads(model_text)
    for flight in flights[:5]:
        status, body = fleet.predict(slot, {k: v for k, v in flight.items() if k != "late"})
        if status != 200:
            return "smoke"
        if round(body["probability"], 6) != round(models.probability(model, flight), 6):
            return "smoke"
    for part in 10, 50, 100:
        route(**{slot: part, live: 100 - part})
        numbers = fleet.watch(slot, 100)
        if numbers["errors"] > 1:
            return "errors"
        if numbers["p95_ms"] > 250:
            return "latency"
        if numbers["memory_mb_after"] > numbers["memory_mb_before"] + 40:
            return "memory"
    return ""


def deploy(folder):
    folder = pathlib.Path(folder)
    model_text, card_text = (open(folder / n, newline="").read() for n in ("model.json", "card.json"))
    card = json.loads(card_text)
    live = [line for line in fleet.deployments() if line["outcome"] in ("promoted", "restored")][-1]
    slot = "green" if live["slot"] == "blue" else "blue"
    flights = evaluate.read_flights(ROOT / "data/holdout.csv")
    if problem := verdict(model_text, card, fleet.package(live["version"])["model"], flights):
        note("blocked", problem, card["version"], card["commit"], slot)
        sys.exit(f"blocked: {problem}")
    route(**{live["slot"]: 1})
    fleet.start(slot, model_text, card_text)
    if problem := sick(slot, model_text, flights, live["slot"]):
        route(**{live["slot"]: 1})
        fleet.stop(slot)
        note("rolled_back", problem, card["version"], card["commit"], slot)
        sys.exit(f"rolled back: {problem}")
    note("promoted", "all steps passed", card["version"], card["commit"], slot)


def rollback():
    good = [line for line in fleet.deployments() if line["outcome"] in ("promoted", "restored")]
    now, then = good[-1], good[-2]
    slot = "green" if now["slot"] == "blue" else "blue"
    if fleet.slots()[slot]["version"] != then["version"]:
        fleet.start(slot, **fleet.package(then["version"]))
    if not wait_ready(slot):
        sys.exit("the version before does not start")
    route(**{slot: 1})
    note("restored", "rollback", then["version"], then["commit"], slot)


def build(folder):
    rows = evaluate.read_flights(ROOT / "data/train.csv")
    sha = os.environ["GITHUB_SHA"]
    model = {"version": "v" + sha[:16]} | train.fit(rows)
    data = json.dumps(model).encode()
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "model.json"), "wb") as file:
        file.write(data)
    held_out = evaluate.read_flights(ROOT / "data/holdout.csv")
    with open(os.path.join(folder, "card.json"), "w") as file:
        json.dump(
            dict(
                version=model["version"], commit=sha, model_sha256=hashlib.sha256(data).hexdigest(), rows=len(rows),
                trained_months=list({int(row["month"]): 1 for row in rows}), features=list(model["weights"]),
                metrics=dict(auc=evaluate.model_auc(model, held_out)),
            ),
            file,
        )


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(dest="command", required=True)
commands.add_parser("deploy").add_argument("folder")
commands.add_parser("build").add_argument("folder")
commands.add_parser("rollback")
options = parser.parse_args()
if options.command == "build":
    sys.exit(build(options.folder))
try:
    fleet.take_lease()
except Refused:
    sys.exit("somebody else deploys: try again later")
try:
    deploy(options.folder) if options.command == "deploy" else rollback()
finally:
    fleet.return_lease()
