"""Lab 10: a service is instrumented, its rules are tried on replayed incidents and calm days, its alerts are delivered."""

from __future__ import annotations

import itertools
import string
from urllib.parse import urlsplit

from sandbox.grading import SimpleCase, check, each_case, each_fault, fail, needs

PREDICT, BATCH, FLIGHT = "/predict", "/predict/batch", "/flights/{flight_id}"
REQUESTS, LATENCY, IN_FLIGHT = "http_requests_total", "http_request_duration_seconds", "http_requests_in_flight"
PREDICTIONS, SCORES, NULLS = "predictions_total", "prediction_probability", "prediction_inputs_null_total"
NULLABLE = ("temp", "wind_speed", "visibility", "pressure", "precip")
OBJECTIVE_S = 0.25
SEVERITIES = ("page", "ticket")

# --- instrumentation ------------------------------------------------------------------------------------------------


@needs("promtool")
@check(points=2, hint="Compare the names that GET /metrics gives with the table in the contract, letter by letter.")
def check_metrics_are_exposed(service, lint):
    """GET /metrics gives every metric of the contract."""
    with service() as running:
        running.predict(running.flight(nulls=("temp",)))
        running.ask("GET", "/flights/7")
        answer = running.ask("GET", "/metrics")
        page = running.scrape()
        stage = running.stage
    wanted = {
        REQUESTS: ("method", "route", "status"),
        f"{LATENCY}_bucket": ("method", "route", "le"),
        f"{LATENCY}_sum": ("method", "route"),
        f"{LATENCY}_count": ("method", "route"),
        IN_FLIGHT: (),
        PREDICTIONS: ("late",),
        f"{SCORES}_bucket": ("le",),
        f"{SCORES}_count": (),
        NULLS: ("feature",),
        "model_info": ("version",),
        "model_trained_timestamp_seconds": (),
        "process_resident_memory_bytes": (),
        "process_cpu_seconds_total": (),
    }
    if missing := [name for name in wanted if name not in page.names()]:
        fail(
            "metrics of the contract are missing",
            observed=f"missing: {', '.join(missing)}",
            expected="every metric of the contract's table",
        )
    for name, labels in wanted.items():
        found = next(page.series(name))[0]
        if lacking := [label for label in labels if label not in found]:
            fail(
                f"{name} lacks a label",
                observed=f"labels: {', '.join(sorted(found)) or 'none'}",
                expected=f"also: {', '.join(lacking)}",
            )
    versions = [labels["version"] for labels, value in page.series("model_info") if value == 1]
    if versions != [stage.version]:
        fail(
            "model_info does not name the model that is loaded",
            observed=f"version {', '.join(versions) or 'none'}",
            expected=f"version {stage.version}, as service.model says",
        )
    if (trained := page.total("model_trained_timestamp_seconds")) != stage.trained_at:
        fail(
            "model_trained_timestamp_seconds is not when the loaded model was trained",
            observed=f"{trained:.0f}",
            expected=f"{stage.trained_at}, as service.model says",
        )
    kinds = {
        "http_requests": "counter",
        "predictions": "counter",
        "prediction_inputs_null": "counter",
        LATENCY: "histogram",
        SCORES: "histogram",
        IN_FLIGHT: "gauge",
    }
    for name, kind in kinds.items():
        seen = page.types.get(name) or page.types.get(f"{name}_total") or "untyped"
        if seen != kind:
            fail(f"{name} has the wrong type", observed=seen, expected=kind)
    finished = lint(answer.text)
    if not finished.ok:
        fail(
            "`promtool check metrics` complains about your page",
            observed=finished.output.strip()[:600],
            expected="no complaint",
        )


@check(
    points=3,
    after="metrics_are_exposed",
    hint="Which requests never reach your counting code? Try one of each kind and compare two scrapes.",
)
def check_requests_are_counted(service):
    """Every request is counted once, under its route and its status."""
    with service() as running:
        rng = running.rng
        running.predict(running.flight())
        before = running.scrape()
        plan = {
            "single": rng.randrange(3, 9),
            "batch": rng.randrange(2, 6),
            "found": rng.randrange(2, 7),
            "absent": rng.randrange(2, 6),
            "bad": rng.randrange(2, 6),
            "nowhere": rng.randrange(3, 8),
        }
        for _ in range(plan["single"]):
            running.predict(running.flight())
        for _ in range(plan["batch"]):
            running.predict_batch([running.flight() for _ in range(rng.randrange(2, 9))])
        for _ in range(plan["found"]):
            running.ask("GET", f"/flights/{rng.randrange(1, 9999)}")
        for _ in range(plan["absent"]):
            running.ask("GET", f"/flights/{rng.randrange(400_000, 900_000)}")
        for _ in range(plan["bad"]):
            running.predict({**running.flight(), "hour": 77}, status=422)
        for _ in range(plan["nowhere"]):
            running.ask("GET", f"/no/such/{rng.randrange(10**6)}")
        after = running.scrape()
        later = running.scrape()
    wanted = [
        (PREDICT, "200", plan["single"]), (BATCH, "200", plan["batch"]), (FLIGHT, "200", plan["found"]),
        (FLIGHT, "404", plan["absent"]), (PREDICT, "422", plan["bad"]),
    ]  # fmt: skip
    for route, status, count in wanted:
        grown = after.total(REQUESTS, route=route, status=status) - before.total(REQUESTS, route=route, status=status)
        if grown != count:
            fail(
                f"requests to {route} that were answered {status} are not counted once each",
                observed=f"{count} such requests, {REQUESTS} grew by {grown:g}",
                expected=f'growth by {count} of the series with route="{route}", status="{status}"',
            )
    lost = after.total(REQUESTS, status="404") - before.total(REQUESTS, status="404") - plan["absent"]
    if lost != plan["nowhere"]:
        fail(
            "requests for paths that are no route are not counted once each",
            observed=f'{plan["nowhere"]} such requests, the series with status="404" grew by {lost:g} for them',
            expected=f"growth by {plan['nowhere']}, under one route label of your choice",
        )
    fallen = before.falls(after) + after.falls(later)
    assert not fallen, (
        f"counters must only rise, and these fell or vanished between two scrapes: {', '.join(fallen[:3])}"
    )


@check(points=3, after="metrics_are_exposed", hint="An exception leaves your code on another way than an answer does.")
def check_crashes_are_counted(service):
    """A crash in a handler is counted as 500, and the metrics survive it."""
    with service() as running:
        rng = running.rng
        running.predict(running.flight())
        before = running.scrape()
        crashes = rng.randrange(4, 9)
        for turn in range(crashes):
            flight = running.flight(carrier="".join(rng.choices("QXYZ", k=2)))
            if turn % 2:
                running.predict(flight, status=500)
            else:
                running.predict_batch([running.flight(), flight], status=500)
        running.predict(running.flight())
        after = running.scrape()
    grown = after.total(REQUESTS, status="500") - before.total(REQUESTS, status="500")
    if grown != crashes:
        fail(
            "requests that crash the handler are not counted as 500",
            observed=f'{crashes} crashes, the series with status="500" grew by {grown:g}',
            expected=f"growth by {crashes}",
        )
    timed = after.total(f"{LATENCY}_count") - before.total(f"{LATENCY}_count")
    if timed < crashes + 1:
        fail(
            "requests that crash are not in the latency histogram",
            observed=f"{crashes + 1} requests, {LATENCY}_count grew by {timed:g}",
            expected=f"growth by {crashes + 1} at least",
        )
    rest, now = before.total(IN_FLIGHT), after.total(IN_FLIGHT)
    if now != rest:
        fail(
            "after crashes the number of requests in flight does not come back",
            observed=f"{IN_FLIGHT} was {rest:g} at rest and is {now:g} after {crashes} crashes",
            expected=f"{rest:g}",
        )
    fallen = before.falls(after)
    assert not fallen, f"after a crash these counters fell or vanished: {', '.join(fallen[:3])}"


@check(
    points=2,
    after="metrics_are_exposed",
    hint="Look at the bounds (le) and ask which questions they can answer: what share is within the objective? How slow is slow?",
)
def check_latency_has_usable_buckets(service):
    """The latency histogram is in seconds and can answer what the objective asks."""
    with service() as running:
        running.ask("GET", "/flights/300005")
        before = running.scrape()
        slow = running.rng.randrange(3, 6)
        with running.at_once([f"/flights/{300_000 + running.rng.randrange(30_000)}" for _ in range(slow)]):
            pass
        after = running.scrape()

    def grown(name, **labels):
        return after.total(name, route=FLIGHT, **labels) - before.total(name, route=FLIGHT, **labels)

    bounds = sorted({float(labels["le"]) for labels, _ in after.series(f"{LATENCY}_bucket", route=FLIGHT)})
    finite = [bound for bound in bounds if bound != float("inf")]
    seen = ", ".join(f"{bound:g}" for bound in bounds)
    if OBJECTIVE_S not in finite:
        fail(
            "no bucket ends at the objective, so nobody can tell which share of answers meets it",
            observed=f"bounds: {seen}",
            expected="a bound at 0.25",
        )
    if len([bound for bound in finite if bound < 0.1]) < 2 or not [
        bound for bound in finite if OBJECTIVE_S < bound < 2.5
    ]:
        fail(
            "the buckets are too coarse where answers fall",
            observed=f"bounds: {seen}",
            expected="two bounds or more below 0.1, and one or more between 0.25 and 2.5",
        )
    if finite[-1] < 2.5 or len(bounds) > 30:
        fail(
            "the buckets do not reach far enough, or are more than anyone can afford",
            observed=f"bounds: {seen}",
            expected="a finite bound of 2.5 or more, and at most 30 buckets",
        )
    count, total = grown(f"{LATENCY}_count"), grown(f"{LATENCY}_sum")
    if count != slow:
        fail(
            "requests are not observed once each",
            observed=f"{slow} requests to {FLIGHT}, {LATENCY}_count grew by {count:g}",
            expected=f"growth by {slow}",
        )
    if not 0.55 * slow <= total <= 10 * slow:
        fail(
            f"{LATENCY} does not hold the seconds that requests took",
            observed=f"{slow} requests of 0.6 s each, {LATENCY}_sum grew by {total:.3g}",
            expected=f"about {0.6 * slow:.1f}",
        )
    fast = sum(
        value for labels, value in after.series(f"{LATENCY}_bucket", route=FLIGHT) if float(labels["le"]) == OBJECTIVE_S
    ) - sum(
        value
        for labels, value in before.series(f"{LATENCY}_bucket", route=FLIGHT)
        if float(labels["le"]) == OBJECTIVE_S
    )
    if fast:
        fail(
            "slow requests are in the bucket of fast ones",
            observed=f"{fast:g} of {slow} requests of 0.6 s count as faster than 0.25 s",
            expected="none",
        )


@check(
    points=1, after="metrics_are_exposed", hint="When does your gauge go up, and on which ways out does it come down?"
)
def check_requests_in_flight_are_seen(service):
    """Requests in flight are seen while they last, and are gone after."""
    with service() as running:
        rng = running.rng
        rest = running.scrape().total(IN_FLIGHT)
        slow = rng.randrange(5, 9)
        most = 0.0
        with running.at_once([f"/flights/{300_000 + rng.randrange(30_000)}" for _ in range(slow)]):
            for _ in range(8):
                most = max(most, running.scrape().total(IN_FLIGHT))
        now = running.scrape().total(IN_FLIGHT)
    if most < rest + 2:
        fail(
            f"{slow} slow requests at once are not seen in flight",
            observed=f"{IN_FLIGHT} went from {rest:g} to {most:g} at most",
            expected=f"up to {rest + slow:g}",
        )
    if most > rest + slow:
        fail(
            "more requests are in flight than were sent",
            observed=f"{IN_FLIGHT} rose to {most:g} with {slow} requests",
            expected=f"{rest + slow:g} at most",
        )
    if now != rest or rest not in (0, 1):
        fail(
            "at rest something is still in flight",
            observed=f"{IN_FLIGHT} is {rest:g} before and {now:g} after",
            expected="0 both times (1 where you count the scrape itself)",
        )


@check(points=3, after="metrics_are_exposed", hint="A batch of 40 flights is one request and 40 predictions.")
def check_predictions_are_counted(service):
    """Predictions are counted row by row: class, probability and empty inputs, alone and in batches."""
    with service() as running:
        rng = running.rng
        before = running.scrape()
        rows = []
        for _ in range(rng.randrange(3, 7)):
            rows.append(running.flight(late=rng.random() < 0.5, nulls=_some(rng)))
            running.predict(rows[-1])
        single = running.scrape()
        singles = len(rows)
        batch = [running.flight(nulls=_some(rng)) for _ in range(rng.randrange(20, 60))]
        answers = running.predict_batch(batch).json()
        after = running.scrape()
        running.predict({**running.flight(), "distance": -5}, status=422)
        running.predict_batch([running.flight(), running.flight(carrier="QQ")], status=500)
        last = running.scrape()
    grown = single.total(PREDICTIONS) - before.total(PREDICTIONS)
    if grown != singles:
        fail(
            "single predictions are not counted once each",
            observed=f"{singles} predictions, {PREDICTIONS} grew by {grown:g}",
            expected=f"growth by {singles}",
        )
    for late in (True, False):
        count = sum(answer["late"] is late for answer in answers)
        label = str(late).lower()
        grown = after.total(PREDICTIONS, late=label) - single.total(PREDICTIONS, late=label)
        if grown != count:
            fail(
                "the rows of a batch are not counted by class",
                observed=f'a batch with {count} rows of late={label}, {PREDICTIONS}{{late="{label}"}} grew by {grown:g}',
                expected=f"growth by {count}",
            )
    grown = after.total(f"{SCORES}_count") - single.total(f"{SCORES}_count")
    if grown != len(batch):
        fail(
            "the probabilities of a batch are not all observed",
            observed=f"{len(batch)} rows, {SCORES}_count grew by {grown:g}",
            expected=f"growth by {len(batch)}",
        )
    total, wanted = (
        after.total(f"{SCORES}_sum") - single.total(f"{SCORES}_sum"),
        sum(answer["probability"] for answer in answers),
    )
    if abs(total - wanted) > 0.01 * len(batch):
        fail(
            f"{SCORES} does not hold the probabilities that were answered",
            observed=f"their sum grew by {total:.2f}",
            expected=f"{wanted:.2f}",
        )
    bounds = {float(labels["le"]) for labels, _ in after.series(f"{SCORES}_bucket")}
    if len([bound for bound in bounds if 0 < bound < 1]) < 4:
        fail(
            f"the buckets of {SCORES} cannot show how probabilities are spread",
            observed=f"bounds: {', '.join(f'{b:g}' for b in sorted(bounds))}",
            expected="four bounds or more between 0 and 1",
        )
    for feature in NULLABLE:
        count = sum(row[feature] is None for row in [*rows, *batch])
        grown = after.total(NULLS, feature=feature) - before.total(NULLS, feature=feature)
        if grown != count:
            fail(
                f"empty values of {feature} are not counted",
                observed=f'{count} rows without {feature}, {NULLS}{{feature="{feature}"}} grew by {grown:g}',
                expected=f"growth by {count}",
            )
    if (grown := last.total(PREDICTIONS) - after.total(PREDICTIONS)) != 0:
        fail(
            "predictions that nobody got are counted",
            observed=f"one refused and one crashed request, {PREDICTIONS} grew by {grown:g}",
            expected="no growth",
        )


@check(
    points=3,
    after="metrics_are_exposed",
    hint="Who chooses the values of your labels: you, or whoever sends a request?",
)
def check_labels_stay_bounded(service):
    """500 different paths, ids and inputs do not make 500 series."""
    with service() as running:
        rng = running.rng

        def word(length):
            return "".join(rng.choices(string.ascii_uppercase, k=length))

        def ask_all(count):
            for turn in range(count):
                flight = {**running.flight(), "origin": word(3), "distance": 1 + rng.randrange(6000)}
                headers = {"User-Agent": word(12), "X-Request-ID": word(12)}
                match turn % 6:
                    case 0:
                        running.ask("GET", f"/flights/{rng.randrange(1, 200_000)}", headers=headers)
                    case 1:
                        running.ask("GET", f"/{word(6).lower()}/{word(4).lower()}", headers=headers)
                    case 2:
                        running.ask("POST", f"/predict?trace={word(8)}", json=flight, headers=headers)
                    case 3:
                        running.ask("POST", "/predict", json={**flight, "carrier": word(2)}, headers=headers)
                    case 4:
                        running.ask("GET", f"/flights/{word(5)}", headers=headers)
                    case _:
                        running.ask("POST", "/predict/batch", json=[{**flight, word(6): 1}], headers=headers)

        ask_all(24)
        before = running.scrape()
        ask_all(500)
        after = running.scrape()
    new = [key for key in after.samples if key not in before.samples]
    if len(new) > 40:
        fail(
            "the number of series grows with what clients send",
            observed=f"500 different requests made {len(new)} new series, such as {_show(new[0])} and {_show(new[-1])}",
            expected="no more series than there are routes, statuses and classes",
        )


# --- rules ----------------------------------------------------------------------------------------------------------


@needs("promtool")
@check(points=1, hint="`promtool check rules rules/*.yml` names the file and the line.")
def check_rules_load(replays, check_rules):
    """Prometheus loads your rules, and there are recording rules and alerts."""
    rules = replays.rules
    finished = check_rules()
    if not finished.ok:
        fail(
            "promtool refuses your rule files",
            observed=finished.output.strip()[-600:],
            expected="rule files that `promtool check rules` accepts",
        )
    if reserved := [rule["record"] for rule in rules.records if rule["record"] in ("ALERTS", "ALERTS_FOR_STATE")]:
        fail(
            "a recording rule uses a name that Prometheus keeps for itself",
            observed=reserved[0],
            expected="names of the form level:metric:operations",
        )
    assert rules.alerts, "rules/alerts.yml holds no alert"
    assert rules.records, "rules/recording.yml holds no recording rule"
    odd = [rule["record"] for rule in rules.records if str(rule["record"]).count(":") < 1]
    if odd:
        fail(
            "a recording rule's name does not say that it is one",
            observed=odd[0],
            expected="level:metric:operations, with a colon",
        )
    if len(rules.rules) > 300:
        fail(
            "that is more rules than a few hours can be replayed with",
            observed=f"{len(rules.rules)} rules",
            expected="300 at most",
        )


@needs("promtool")
@each_fault("incidents")
@check(
    points=11,
    after="rules_load",
    hint="The message tells what the replay held. Which of your expressions should have been true, and from which minute?",
    timeout=150,
)
def check_alerts_fire(fault, replays):
    """An alert fires when {fault.title}."""
    fired, params = replays.fired(fault.name), fault.params
    replay = replays.replay(fault.name)
    deadline = replay.onset + params["within"] if params["within"] else replay.deadline
    story = f"From minute {replay.onset}: {replay.story}"
    accepted = ("page",) if params["severity"] == "page" else SEVERITIES
    always = {f.name for f in replays.fired("ordinary-day")}
    of_kind = [f for f in fired if f.severity in accepted and f.name == params.get("alertname", f.name)]
    right = [f for f in of_kind if f.name not in always]
    in_time = [f for f in right if replay.onset < f.minute <= deadline]
    kind = {"page": "a page", "ticket": "a ticket, and no page", "either": "a page or a ticket"}[params["severity"]]
    if "alertname" in params:
        kind += f" named {params['alertname']}"
    expected = f"{kind} between minute {replay.onset + 1} and minute {deadline}"
    seen = f"fired: {_list(fired)}"
    if of_kind and not right:
        fail(
            f"{of_kind[0].name} fires on an ordinary day, too, so it tells nothing about this incident",
            observed=f"fired on the ordinary day: {_list(replays.fired('ordinary-day'))}",
            expected=expected,
        )
    if not in_time:
        late = [f for f in right if f.minute > deadline]
        what = "fires too late" if late else "fires before anything is wrong" if right else "fires in time"
        who = str((late or right)[0].name) if right else "No alert of the right kind"
        fail(f"{who} {what}. {story}. Look at {params['where']}", observed=seen, expected=expected)
    pages = [f for f in fired if f.severity == "page"]
    if params["severity"] == "ticket" and pages:
        fail(
            f"{pages[0].name} pages for something that can wait until morning. {story}",
            observed=seen,
            expected=expected,
        )


@needs("promtool")
@each_fault("calm_days")
@check(
    points=9,
    after="rules_load",
    hint="The message tells what the replay held. Which of your expressions was true, and on how little evidence?",
    timeout=150,
)
def check_calm_days_are_silent(fault, replays):
    """Nothing fires when {fault.title}."""
    kin = fault.params["kin"]
    onset = replays.replay(kin).onset
    if not [f for f in replays.fired(kin) if f.minute > onset and f.severity in SEVERITIES]:
        fail(
            "silence earns nothing here: your rules do not fire on the incident that looks like this day either",
            observed=f"nothing fired in the replay {kin}",
            expected=f"alerts that fire on {kin} and not on {fault.name}",
        )
    replay = replays.replay(fault.name)
    if fired := replays.fired(fault.name):
        fail(
            f"{fired[0].name} fires on a calm day. The replay: {replay.story}. Ask: {fault.params['where']}",
            observed=f"fired: {_list(fired)}",
            expected="no alert from minute 60 on",
        )


@needs("promtool")
@check(
    points=2,
    after="rules_load",
    hint="Read the alert as the one who is woken: what is wrong, where, and what do I do now?",
    timeout=100,
)
def check_alerts_explain_themselves(replays, parallel):
    """Every alert says what is wrong, where the runbook is, whose it is and how urgent."""
    for rule in replays.rules.alerts:
        labels, notes = rule.get("labels") or {}, rule.get("annotations") or {}
        name = rule["alert"]
        if labels.get("severity") not in SEVERITIES:
            fail(
                f"{name} has no severity of the contract",
                observed=f"severity: {labels.get('severity', 'none')}",
                expected="page or ticket",
            )
        if labels.get("service") != "flight-delay":
            fail(
                f"{name} does not say which service it is about",
                observed=f"service: {labels.get('service', 'none')}",
                expected="the label service: flight-delay",
            )
        if not str(notes.get("summary") or "").strip():
            fail(f"{name} has no summary", expected="the annotation summary: one sentence for whoever is woken")
        parts = urlsplit(str(notes.get("runbook_url") or ""))
        if parts.scheme not in ("http", "https") or not parts.netloc or len(parts.path) < 2:
            fail(
                f"{name} has no runbook",
                observed=f"runbook_url: {notes.get('runbook_url', 'none')}",
                expected="the annotation runbook_url: an http(s) address with a path",
            )
    incidents = ("error-burst", "one-route", "nulls-jump", "model-stale")
    seen = [alert for found in parallel(replays.firing, incidents) for alert in found]
    assert seen, "no alert fires in any incident, so there is nothing to read"
    for alert in seen:
        for name in ("summary", "runbook_url"):
            text = alert.annotations.get(name, "")
            if not text.strip() or "<error" in text or "<no value>" in text or "%!" in text:
                fail(
                    f"{alert.labels.get('alertname')}: its {name} is not filled in when it fires",
                    observed=text or "nothing",
                    expected="text in which every template has a value",
                )


# --- routing --------------------------------------------------------------------------------------------------------


@needs("amtool", "alertmanager")
@check(points=1, hint="`amtool check-config alertmanager.yml` tells what it finds.")
def check_routing_loads(deliveries):
    """Alertmanager accepts your configuration, and a page does not wait."""
    finished = deliveries.check()
    if not finished.ok:
        fail(
            "amtool refuses alertmanager.yml",
            observed=finished.output.strip()[-500:],
            expected="a configuration that `amtool check-config` accepts",
        )
    timings = deliveries.timings()
    if not timings:
        fail(
            "no route leads to the pager",
            expected="a receiver with the webhook http://127.0.0.1:9099/pager, and a route to it",
        )
    for timing in timings:
        if timing.group_wait_s > 60:
            fail(
                "a page waits too long for company",
                observed=f"group_wait of {timing.group_wait_s:g} s on the way to {timing.receiver}",
                expected="60 s at most",
            )
        if timing.repeat_interval_s < 3600:
            fail(
                "a page is repeated to someone who is already at it",
                observed=f"repeat_interval of {timing.repeat_interval_s:g} s on the way to {timing.receiver}",
                expected="an hour or more",
            )


@needs("alertmanager")
@check(
    points=3,
    after="routing_loads",
    hint="`amtool config routes test --config.file=alertmanager.yml severity=page service=flight-delay` names the receiver of a label set.",
)
def check_pages_and_tickets_go_apart(deliveries, rng):
    """Pages reach the pager, all else reaches the queue, and each only one of them."""
    names = _names(rng)
    services = [next(names) for _ in range(5)]
    alerts = {
        "a page": (
            {"alertname": next(names), "severity": "page", "service": services[0], "route": "/predict"},
            "/pager",
        ),
        "a ticket": ({"alertname": next(names), "severity": "ticket", "service": services[1]}, "/queue"),
        "an alert without a severity": ({"alertname": next(names), "service": services[2]}, "/queue"),
        "an alert of another team, severity info": (
            {"alertname": next(names), "severity": "info", "service": services[3], "team": "radar"},
            "/queue",
        ),
        "a page of another service": (
            {"alertname": next(names), "severity": "page", "service": services[4], "instance": "b:1"},
            "/pager",
        ),
    }
    told = deliveries.send([[labels for labels, _ in alerts.values()]], expect=len(alerts))
    for what, (labels, wanted) in alerts.items():
        places = sorted(n.to for n in told if labels["alertname"] in n.names())
        if set(places) != {wanted}:
            fail(
                f"{what} does not go where it should",
                observed=f"sent to: {', '.join(places) or 'nobody'}",
                expected=f"sent to {wanted} and nowhere else",
            )


@needs("alertmanager")
@check(
    points=3,
    after="pages_and_tickets_go_apart",
    hint="What do the alerts of one incident share, and what tells them from another service's?",
)
def check_one_incident_one_notification(deliveries, rng):
    """One incident gives one notification, and two services two."""
    names = _names(rng)
    here, there = next(names), next(names)
    routes = ("/predict", "/predict/batch", "/flights/{flight_id}")
    incident = [
        {
            "alertname": next(names),
            "severity": "page",
            "service": here,
            "route": routes[n % 3],
            "instance": f"s-{n % 2}:8000",
        }
        for n in range(rng.randrange(5, 9))
    ]
    other = {
        "alertname": incident[0]["alertname"],
        "severity": "page",
        "service": there,
        "route": "/predict",
        "instance": "other:8000",
    }
    told = [n for n in deliveries.send([[*incident, other]], expect=2) if n.to == "/pager"]
    ours = [n for n in told if any(alert.get("service") == here for alert in n.alerts)]
    if any(alert.get("service") == there for n in ours for alert in n.alerts):
        fail(
            "two services share one notification",
            observed="a notification with alerts of both services",
            expected="one notification for each service",
        )
    if len(ours) != 1:
        fail(
            "one incident rings the pager more than once",
            observed=f"{len(incident)} alerts of one service came in {len(ours)} notifications",
            expected="one notification with all of them",
        )
    if len(ours[0].alerts) != len(incident):
        fail(
            "the notification does not hold all alerts of the incident",
            observed=f"{len(ours[0].alerts)} of {len(incident)} alerts",
            expected=f"{len(incident)}",
        )
    theirs = [n for n in told if any(alert.get("service") == there for alert in n.alerts)]
    assert theirs, "the other service's page never arrived"


@needs("alertmanager")
@check(
    points=3,
    after="pages_and_tickets_go_apart",
    hint="Which alert is the source, which are the targets, and what must be equal in both?",
    timeout=150,
)
def check_dead_target_silences_symptoms(deliveries, at_the_same_time, rng):
    """A dead target silences its service's symptoms, and nothing else."""
    names = _names(rng)
    dead, well, sick = next(names), next(names), next(names)

    def alert(name, severity, service, **more):
        return {"alertname": name, "severity": severity, "service": service, **more}

    symptoms = [alert(next(names), "page", dead, route="/predict"), alert(next(names), "ticket", dead)]
    elsewhere = [alert(next(names), "page", well, route="/predict"), alert(next(names), "ticket", well)]
    cause = alert("TargetDown", "page", dead, instance="service-0:8000")
    both = [
        alert(next(names), "page", sick, instance="service-0:8000"),
        alert(next(names), "ticket", sick, instance="service-0:8000"),
    ]
    told, apart = at_the_same_time([
        lambda: deliveries.send([[cause], [*symptoms, *elsewhere]], expect=3),
        lambda: deliveries.send([both], expect=2),
    ])  # fmt: skip
    heard = {name for n in told for name in n.names()}
    if "TargetDown" not in heard:
        fail(
            "TargetDown itself is silenced",
            observed="TargetDown was posted, nobody was told",
            expected="a page for TargetDown",
        )
    if loud := [s for s in symptoms if s["alertname"] in heard]:
        fail(
            "symptoms of a dead target still notify",
            observed=f"TargetDown fires for a service, and its {loud[0]['severity']} was sent too",
            expected="TargetDown alone",
        )
    if mute := [s for s in elsewhere if s["alertname"] not in heard]:
        fail(
            "a dead target silences another service's alerts",
            observed=f"TargetDown of one service kept a {mute[0]['severity']} of another from being sent",
            expected="alerts of other services as ever",
        )
    heard = {name for n in apart for name in n.names()}
    if mute := [s for s in both if s["alertname"] not in heard]:
        fail(
            "alerts are silenced though no target is dead",
            observed=f"a page and a ticket of one service: the {mute[0]['severity']} was not sent",
            expected="both; only TargetDown silences",
        )


# --- dashboard ------------------------------------------------------------------------------------------------------

SHOWN = [
    SimpleCase("error-burst", "errors"),
    SimpleCase("slow-tail", "a slow tail"),
    SimpleCase("traffic-gone", "traffic that is gone"),
    SimpleCase("memory-leak", "a memory leak"),
    SimpleCase("mix-collapsed", "a collapsed prediction mix"),
    SimpleCase("nulls-jump", "empty inputs"),
]


@check(
    points=2,
    hint="Open the JSON beside the contract: uid, data source, and for each panel a title, a unit and legends.",
)
def check_dashboard_loads(dashboard):
    """The dashboard is complete: title, uid, panels with titles, units and legends."""
    table, panels = dashboard.table, dashboard.panels
    if table.get("uid") != "flight-delay":
        fail(
            "the dashboard has another uid than the links in alerts use",
            observed=f"uid: {table.get('uid')}",
            expected="uid: flight-delay",
        )
    assert str(table.get("title") or "").strip(), "the dashboard has no title"
    if not isinstance(table.get("schemaVersion"), int):
        fail(
            "the dashboard does not say which schema it is written in",
            observed=f"schemaVersion: {table.get('schemaVersion')}",
            expected="a whole number, such as 39",
        )
    if len(panels) < 6:
        fail("the dashboard shows too little", observed=f"{len(panels)} panels with data", expected="6 or more")
    for panel in panels:
        name = panel.title or "a panel"
        assert panel.title.strip(), "a panel has no title"
        if not panel.unit:
            fail(
                f"panel {name!r} has no unit",
                observed="a bare number",
                expected="fieldConfig.defaults.unit, such as reqps, percentunit, s, bytes or short",
            )
        assert panel.expressions and all(panel.expressions), f"panel {name!r} has no query"
        if wrong := [found for found in panel.datasources if found != "prometheus" and not found.startswith("$")]:
            fail(
                f"panel {name!r} asks another data source than the provisioned one",
                observed=f"uid: {wrong[0] or 'none'}",
                expected='datasource with uid "prometheus", or a variable of the dashboard',
            )
        if not panel.one_value and not all(legend.strip() for legend in panel.legends):
            fail(
                f"panel {name!r} has a query without a legend",
                observed="legendFormat is empty",
                expected="a legend for each query: a word or {{label}}",
            )


@needs("promtool")
@check(
    points=2,
    after=["dashboard_loads", "rules_load"],
    hint="Try the query in `promtool` or in Prometheus' own page. Which name or label in it does not exist?",
)
def check_dashboard_queries_answer(dashboard, parallel):
    """Every query of the dashboard returns data, on a calm day and in an incident."""
    when = {"batch-job": "on a calm day", "error-burst": "in an incident"}
    for name, answers in zip(when, parallel(dashboard.answers, when), strict=True):
        minutes = (dashboard.before(name)[-1], dashboard.during(name)[-1])
        wrong = {query.expr: error for query, error in answers.errors.items()}
        empty = {
            query.expr
            for query, samples in answers.samples.items()
            if query.minute in minutes and not [sample for sample in samples if sample.value == sample.value]
        }
        for panel, expression, _ in dashboard.queries():
            if expression in wrong:
                fail(
                    f"a query of panel {panel.title!r} is not valid",
                    observed=wrong[expression],
                    expected="PromQL that Prometheus can evaluate",
                )
            if expression in empty:
                fail(
                    f"a query of panel {panel.title!r} returns no data {when[name]}",
                    observed=expression[:300],
                    expected="at least one series with a number",
                )


@needs("promtool")
@each_case(SHOWN)
@check(
    points=3,
    after="dashboard_queries_answer",
    hint="Which panel would you look at first in this incident, and does its number move?",
    timeout=100,
)
def check_dashboard_shows_incidents(case, dashboard, replays):
    """At least one panel shows {case.title}."""
    replay = replays.replay(case.name)
    if not dashboard.moves(case.name):
        fail(
            f"no panel's value moves in this incident: {replay.story}",
            observed="every value stays near what it was before",
            expected="a value half as large again, or less than half, for at least one panel",
        )


# --- helpers --------------------------------------------------------------------------------------------------------


def _some(rng):
    return tuple(name for name in NULLABLE if rng.random() < 0.3)


def _list(fired):
    return ", ".join(str(f) for f in fired[:6]) or "nothing"


def _show(key):
    name, pairs = key
    return f"{name}{{{', '.join(f'{k}={v!r}' for k, v in sorted(pairs))}}}"


def _names(rng):
    for number in itertools.count():
        yield f"Drill{''.join(rng.choices(string.ascii_letters, k=8))}{number}"
