"""The checks of lab 00: the learner's answers against what the running service says at this moment."""

import re

from sandbox.grading import check, fail


@check(points=0, hint="`make status` tells what runs and where.", timeout=30)
def check_sandbox_answers(live):
    """The sandbox is running and ready."""
    ready = live.get("/readyz")
    assert ready.status_code == 200, f"{live.url}/readyz answers {ready.status_code}: the service is up but not ready"


@check(points=3, after="sandbox_answers", hint="The service tells about its model at an address of its own.")
def check_model_version(live, answer):
    """You found which version of the model is running."""
    version, running = answer("model", "version", str).strip(), live.card["version"]
    if version == running:
        return
    if version == live.card["name"]:
        fail("that is the model's name, not its version", observed=version)
    if version in live.card["libraries"].values():
        fail("that is the version of a library that the model was made with", observed=version)
    if re.fullmatch(re.escape(re.sub(r"[0-9a-f]", "?", running)).replace(r"\?", "[0-9a-f]"), version):
        fail(
            "that is the version of another model: a stale answer?",
            observed=version,
            expected="the version of the model that runs now",
        )
    fail("that is not the version of the running model", observed=version, expected="the value that GET /model gives")


@check(points=3, after="sandbox_answers", hint="The card has metrics for every airline. Lowest AUC means weakest.")
def check_weakest_carrier(live, answer):
    """You found the airline for which the model works worst, and how badly."""
    code, auc = answer("model", "weakest_carrier", str).strip().upper(), answer("model", "weakest_auc", int, float)
    carriers = live.carriers
    weakest = min(carriers, key=carriers.__getitem__)
    if code not in live.card["metrics"]["by_carrier"]:
        fail("that is not one of the airlines in the card", observed=code, expected="a two-character code, as B6")
    if code not in carriers:
        fail("that airline has too few flights for an AUC, so it cannot be called the weakest", observed=code)
    if code == max(carriers, key=carriers.__getitem__):
        fail("that is the airline for which the model works best", observed=code, expected="the lowest AUC")
    if code == min(carriers, key=lambda name: live.card["metrics"]["by_carrier"][name]["flights"]):
        fail("that is the airline with the fewest flights, not the one with the lowest AUC", observed=code)
    assert code == weakest, f"{code} has an AUC of {carriers[code]:.3f}; another airline has a lower one"
    if abs(auc / 100 - carriers[code]) <= 0.001:
        fail("the AUC is a number between 0 and 1, not per cent", observed=auc)
    if abs(auc - live.card["metrics"]["auc"]) <= 0.001:
        fail("that is the AUC over all airlines", observed=auc, expected=f"the AUC of {code} alone")
    if abs(auc - live.card["metrics"]["by_carrier"][code]["late_rate"]) <= 0.001:
        fail("that is the share of late flights of this airline, not the AUC", observed=auc)
    assert abs(auc - carriers[code]) <= 0.001, f"{code} is right; its AUC is not {auc}"


@check(points=3, after="sandbox_answers", hint="Send exactly the flight of the page. The service answers with JSON.")
def check_prediction(live, answer):
    """You asked the service about the flight on the page."""
    probability, late = answer("prediction", "probability", int, float), answer("prediction", "late", bool)
    seen = live.prediction
    if abs(probability / 100 - seen["probability"]) <= 0.0006 and probability > 1:
        fail("the probability is a number between 0 and 1, not per cent", observed=probability)
    if abs(1 - probability - seen["probability"]) <= 0.0006:
        fail("that is the probability of being on time", observed=probability, expected="the probability of being late")
    assert abs(probability - seen["probability"]) <= 0.0006, (
        f"the running model gives another probability than {probability} for this flight: was it this flight, and this model?"
    )
    assert late is seen["late"], f"the probability is right, but the service does not answer late = {str(late).lower()}"


@check(points=3, after="sandbox_answers", hint="Every line of the log is JSON and has the id of its request.")
def check_request_in_log(live, answer):
    """You sent a request with an id of your own and found it in the log."""
    request_id = answer("request", "id", str)
    assert live.log_lines(request_id), f"the log of the running service has no request with the id {request_id!r}"
    asked = live.predictions_of(request_id)
    assert asked, f"the request {request_id!r} is in the log, but it did not ask for a prediction"
    status, duration = answer("request", "status", int), answer("request", "duration_ms", int, float)
    if status not in {code for code, _ in asked}:
        fail("the log has another status for this request", observed=status, expected="the status code of that line")
    took = [ms for _, ms in asked]
    if any(_near(duration, ms) for ms in took):
        return
    for factor, unit in ((1e6, "nanoseconds"), (1e3, "microseconds"), (1e-3, "seconds")):
        if any(_near(duration, ms * factor) for ms in took):
            fail(f"that is the duration in {unit}", observed=duration, expected="milliseconds")
    fail(
        "the log has another duration for this request",
        observed=duration,
        expected="event.duration of that line, in milliseconds",
    )


@check(points=3, after="sandbox_answers", hint="A counter only rises. Read it, send one request, read it again.")
def check_counter(live, answer):
    """You saw the service count your predictions."""
    before, after = answer("metrics", "before", int), answer("metrics", "after", int)
    now = live.predictions_so_far
    if after < before:
        fail(
            "a counter never falls while its service runs: are the two numbers swapped?",
            observed=f"before {before}, after {after}",
        )
    assert after > before, "both readings are the same: no prediction was made between them"
    if after > now:
        fail(
            f"the counter stands at {now:g} now, below your reading: the service was started anew since, and counts from zero",
            observed=after, expected="readings from the service that runs now",
        )  # fmt: skip


def _near(value, wanted):
    return abs(value - wanted) <= max(0.001 * wanted, 0.0006)
