"""Services are called after what they are, `stable` and `canary`, and point to slots; a thread watches while the steps go on."""

import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import yaml

os.chdir(Path(__file__).parents[1])
sys.path.insert(0, os.getcwd())
import flightdelay.evaluate as ev
import flightdelay.model as fm
from deploy.fleet import Fleet, Refused
from flightdelay.train import fit

URL = {"blue": "http://127.0.0.1:9001", "green": "http://127.0.0.1:9002"}
FLIP = dict(zip(URL, reversed(URL)))


def config(stable, share=0):
    parts = [{"name": "stable", "weight": 100 - share}]
    services = {"stable": {"loadBalancer": {"servers": [{"url": URL[stable]}]}}}
    if share:
        parts.append({"name": "canary", "weight": share})
        services["canary"] = {"loadBalancer": {"servers": [{"url": URL[FLIP[stable]]}]}}
    services["users"] = {"weighted": {"services": parts}}
    routers = {"web": {"rule": "PathPrefix(`/`)", "entryPoints": ["web"], "service": "users", "priority": 10}}
    return yaml.safe_dump({"http": {"routers": routers, "services": services}}, sort_keys=False)


def log(fleet, card, slot, outcome, **more):
    fleet.record({
        **more, "outcome": outcome, "slot": slot, "version": card["version"], "commit": card["commit"],
        "actor": os.environ["DEPLOY_ACTOR"], "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
    })


def served(fleet):
    return [line for line in fleet.deployments() if line.get("outcome") in ("promoted", "restored")]


def blocked(model_text, card, old, flights):
    new = json.loads(model_text)
    checks = {
        "hash": lambda: hashlib.sha256(model_text.encode()).hexdigest() == card["model_sha256"],
        "months": lambda: not {f["month"] for f in flights} & set(card["trained_months"]),
        "leak": lambda: fm.features(new) <= set(fm.KNOWN_AT_DEPARTURE) and ev.model_auc(new, flights) <= 0.95,
        "worse": lambda: ev.model_auc(new, flights) - ev.model_auc(old, flights) > 0.005,
        "carrier": lambda: all(
            ev.model_auc(new, rows) >= ev.model_auc(old, rows) - 0.05
            for rows in ([f for f in flights if f["carrier"] == c] for c in fm.CARRIERS)
        ),
    }
    return next((name for name, good in checks.items() if not good()), None)


def began(fleet, slot):
    for _ in range(300):
        if (state := fleet.slots()[slot]["state"]) in ("ready", "failed"):
            return state == "ready"
        time.sleep(0.15)
    return False


def right_answers(fleet, slot, model, flights):
    for flight in flights[-6:]:
        status, answer = fleet.predict(slot, flight)
        if status != 200 or not abs(answer["probability"] - fm.probability(model, flight)) < 1e-5:
            return False
    return True


def symptom(seen):
    if seen["requests"] < 50:
        return "latency"
    if seen["errors"] > seen["requests"] // 100:
        return "errors"
    if seen["p95_ms"] > 200:
        return "latency"
    return "memory" if seen["memory_mb_after"] - seen["memory_mb_before"] > 30 else None


def ill(fleet, live, slot, text, flights):
    if not began(fleet, slot):
        return "start"
    if not right_answers(fleet, slot, json.loads(text), flights):
        return "smoke"
    with ThreadPoolExecutor(1) as pool:
        for share in (10, 30, 50, 75, 100):
            fleet.route(config(live, share) if share < 100 else config(slot))
            watching = pool.submit(fleet.watch, slot, 70)
            time.sleep(0.5)
            if found := symptom(watching.result()):
                return found
    return None


def deploy(fleet, folder):
    text, card_text = ((Path(folder) / name).read_bytes().decode("utf-8") for name in ("model.json", "card.json"))
    card, flights = json.loads(card_text), ev.read_flights(Path("data/holdout.csv"))
    now = served(fleet)[-1]
    fleet.route(config(now["slot"]))
    slot = FLIP[now["slot"]]
    if why := blocked(text, card, json.loads(fleet.package(now["version"])["model"]), flights):
        log(fleet, card, slot, "blocked", reason=why)
        return f"blocked: {why}"
    log(fleet, card, slot, "begun")
    fleet.start(slot, text, card_text)
    if why := ill(fleet, now["slot"], slot, text, flights):
        fleet.route(config(now["slot"]))
        log(fleet, card, slot, "rolled_back", reason=why)
        return f"taken back: {why}"
    log(fleet, card, slot, "promoted", reason="five steps", took_the_place_of=now["version"])
    return 0


def rollback(fleet):
    lines = served(fleet)
    if len(lines) < 2:
        return "there is one version only"
    then, now = lines[-2:]
    slots = fleet.slots()
    slot = next((s for s in slots if slots[s]["version"] == then["version"] and slots[s]["state"] == "ready"), FLIP[now["slot"]])
    if slots[slot]["version"] != then["version"]:
        package = fleet.package(then["version"])
        fleet.start(slot, package["model"], package["card"])
        if not began(fleet, slot):
            return "it does not start"
    fleet.route(config(slot))
    log(fleet, then, slot, "restored")
    return 0


def build(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    flights, commit = ev.read_flights(Path("data/train.csv")), os.environ["GITHUB_SHA"]
    model = dict(fit(flights), version="flights-" + commit[:12])
    (folder / "model.json").write_text(json.dumps(model, indent=2))
    data = (folder / "model.json").read_bytes()
    (folder / "card.json").write_text(json.dumps({
        "version": model["version"], "commit": commit, "model_sha256": hashlib.sha256(data).hexdigest(),
        "trained_months": sorted({int(f["month"]) for f in flights}), "features": sorted(fm.features(model)),
        "metrics": {"auc": ev.model_auc(model, ev.read_flights(Path("data/holdout.csv")))},
    }, indent=2))
    return 0


if sys.argv[1] == "build":
    sys.exit(build(sys.argv[2]))
platform = Fleet()
for _ in range(240):
    try:
        platform.take_lease()
        break
    except Refused:
        time.sleep(0.5)
else:
    sys.exit("the lease is taken")
try:
    status = deploy(platform, sys.argv[2]) if sys.argv[1] == "deploy" else rollback(platform)
finally:
    platform.return_lease()
sys.exit(status)
