"""Lab 06: a pipeline deploys good, bad and sick versions under traffic; users and the platform tell what it did."""

from __future__ import annotations

import datetime
import itertools
import json

from sandbox.grading import SimpleCase, check, each_case, each_fault, fail, needs

GOOD = [
    SimpleCase("better", "with a better model"),
    SimpleCase("more-features", "with a better model that uses one feature more"),
]
KILLED = [
    SimpleCase("starting", "the new version starts", {"path": "/slots/", "share": 0.0}),
    SimpleCase("half", "half of the traffic is shifted", {"path": "/", "share": 0.35}),
]
ROLLBACKS = [
    SimpleCase("promoted", "after a promotion"),
    SimpleCase("taken-back", "after a promotion and a deploy that failed"),
]
WATCHED = 40
ROLLBACK_S = 5


@needs("traefik")
@each_case(GOOD)
@check(
    points=4,
    hint="Run it by hand on paper: which slot serves users, which is free, and what does the router do at the end?",
    timeout=900,
)
def check_promotes_better_models(case, deploys):
    """Your pipeline goes through {case.title}: at the end all users get it."""
    done = deploys(case.name)
    if done.ended.exit_status != 0:
        fail(
            "the deploy of a good candidate does not end with exit status 0",
            observed=done.said,
            expected="exit status 0: promoted",
        )
    if set(done.live) != {done.candidate.version}:
        fail(
            "after the deploy, users do not get the new version",
            observed=_who(done.live, done),
            expected="all answers from the candidate",
        )
    if any(call["method"] == "PUT" and call["path"] == "/slots/blue" for call in done.state["calls"]):
        fail(
            "the new version was started in the slot that served users",
            observed="start('blue', …) while blue was in production",
            expected="the free slot",
        )


@check(
    points=3, after="promotes_better_models", hint="When may users be sent to a slot, and when may a slot be stopped?"
)
def check_no_request_fails(deploys):
    """Not one request fails during a deploy."""
    for case in GOOD:
        done = deploys(case.name)
        if done.failed:
            fail(
                "requests of users failed during the deploy",
                observed=f"{done.failed} failed: {', '.join(done.state['failures'][:3])}",
                expected="none",
            )


@check(
    points=3,
    after="promotes_better_models",
    hint="What did users get after your first call of route(), after the second, and for how long?",
)
def check_shifts_in_steps(deploys):
    """Traffic is shifted in three steps, and each is watched."""
    for case in GOOD:
        steps = deploys(case.name).steps()
        told = ", then ".join(
            f"{ {'few': 'at most 25 %', 'half': 'about half', 'all': 'all'}[kind] } ({n} answers)" for kind, n in steps
        )
        order = list(dict.fromkeys(kind for kind, _ in steps))
        if order != ["few", "half", "all"]:
            fail(
                "traffic does not go over in the three steps",
                observed=told or "no traffic",
                expected="about 10 %, then 50 %, then 100 %",
            )
        if short := [kind for kind, n in steps[:-1] if n < WATCHED]:
            fail(
                "a step is over before users could tell anything", observed=told,
                expected=f"50 answers of the new version, or more, at each step (the step with {short[0]} of the traffic has less than {WATCHED})",
            )  # fmt: skip


@check(
    points=2,
    after="promotes_better_models",
    hint="What do you send to start(): the text of the file, or something made from it?",
)
def check_runs_what_was_evaluated(deploys):
    """What runs is byte for byte what was evaluated."""
    for case in GOOD:
        done = deploys(case.name)
        for package in done.started():
            for part, text in (("model", done.candidate.model), ("card", done.candidate.card)):
                if package[part] != text:
                    fail(
                        f"the {part} that was started is not the candidate's", observed=f"{len(package[part] or '')} characters, other text",
                        expected=f"the {len(text)} characters of candidate/{part}.json, unchanged",
                    )  # fmt: skip


@each_fault("candidates")
@check(
    points=5,
    after="promotes_better_models",
    hint="Which of the two files tells it, and which line of your pipeline reads that?",
    timeout=900,
)
def check_blocks_bad_candidates(fault, deploys):
    """Your pipeline blocks {fault.title}."""
    done = deploys(fault.name)
    if done.candidate.version in _served(done):
        fail("the candidate reached users", observed=_who(_served(done), done), expected="production untouched")
    if done.started():
        fail(
            "the candidate was started",
            observed="start() was called",
            expected="nothing is started before the gates have passed",
        )
    if set(done.live) != {done.first.version} or done.failed:
        fail(
            "production was touched",
            observed=f"{_who(done.live, done)}; {done.failed} failed requests",
            expected="production as before",
        )
    if done.ended.exit_status in (0, None):
        fail(
            "the deploy does not end with an exit status that says no",
            observed=done.said,
            expected="an exit status above 0",
        )


@each_fault("releases")
@check(
    points=6,
    after="promotes_better_models",
    hint="What could your pipeline have seen, in which step, and what does it do with that number?",
    timeout=900,
)
def check_takes_sick_versions_back(fault, deploys):
    """Your pipeline takes back {fault.title}."""
    done = deploys("better", fault.name)
    if set(done.live) != {done.first.version}:
        fail(
            "after the deploy, users do not all get the version before",
            observed=_who(done.live, done),
            expected="all answers from production",
        )
    if done.ended.exit_status in (0, None):
        fail(
            "the deploy does not end with an exit status that says no",
            observed=done.said,
            expected="an exit status above 0",
        )
    # Up to six users still wait for their answer when the traffic is taken back: they make no step.
    seen = [kind for kind, answers in done.steps() if answers >= 20]
    if fault.params.get("unseen"):
        if users := _served(done).get(done.candidate.version):
            fail("users met it", observed=f"{users} answers", expected="it is noticed before it gets traffic")
        if done.failed:
            fail("requests of users failed", observed=f"{done.failed} failed", expected="none")
    elif wrong := [kind for kind in seen if kind == "all" or (kind == "half" and not fault.params.get("later"))]:
        fail(
            "it got more traffic though it was sick already",
            observed=f"it went on to {wrong[0]} of the traffic",
            expected="back to the version before, at the step that showed it",
        )
    if not done.started():
        fail(
            "it was never tried",
            observed="start() was not called",
            expected="a good model is started; only its process is sick",
        )


@check(
    points=3,
    after="promotes_better_models",
    hint="What must a deploy hold before it reads anything that another deploy could change?",
    timeout=900,
)
def check_one_deploy_at_a_time(platform, candidate, how, end_of):
    """Of two deploys at once, the second waits or is refused."""
    mine, theirs = candidate("better", "two"), candidate("more-features", "two")
    with platform() as stage, stage.started(["deploy", "candidate"], mine) as (a, first):
        stage.ask("hold", by="a", path="/slots/", share=0.0)
        if not stage.until_held(first):
            fail(
                "a deploy alone did not start its candidate",
                observed=how(end_of(first)),
                expected="the candidate in the free slot",
            )
        with stage.started(["deploy", "candidate"], theirs, "yuki") as (b, second):
            # It asks for the lease, changes something, or ends: until then the first one stands still.
            stage.until_asked(second, b)
            stage.ask("hold")
            ended_first = end_of(first)
            stage.ask("gone", by=a)
            ended_second = end_of(second)
        order = [key for key, _ in itertools.groupby(call["by"] for call in stage.state()["calls"] if call["changes"])]
        if len(order) != len(set(order)):
            fail(
                "two deploys changed slots or routes in turns", observed=f"changes by the first and the second in {len(order)} turns",
                expected="all changes of one deploy before any of the other",
            )  # fmt: skip
        if ended_first.exit_status != 0:
            fail("the first of two deploys did not go through", observed=how(ended_first), expected="exit status 0")
        names = {
            mine.version: "the first deploy's version",
            theirs.version: "the second's version",
            stage.first.version: "the old version",
        }
        wanted = theirs.version if ended_second.exit_status == 0 else mine.version
        stage.must_serve(wanted, names, "after two deploys at once")
        if failed := stage.failed():
            fail("requests of users failed", observed=f"{failed} failed", expected="none")


@each_case(KILLED)
@check(
    points=4,
    after="promotes_better_models",
    hint="What does the next run find: in the log, in the slots, in the router? Which of them says what users should get?",
    timeout=900,
)
def check_survives_being_killed(case, platform, candidate, how, end_of):
    """A deploy that is killed while {case.title} leaves users served, and the next run recovers."""
    lost, next_one = candidate("better", case.name), candidate("more-features", case.name)
    names = {lost.version: "the version of the killed deploy", next_one.version: "the candidate of the next run"}
    with platform() as stage:
        names[stage.first.version] = "the version in production"
        stage.ask("hold", by="a", **case.value)
        with stage.started(["deploy", "candidate"], lost) as (_, command):
            if not stage.until_held(command):
                fail(
                    f"the deploy never came to where {case.title}",
                    observed=how(end_of(command)),
                    expected="a deploy in steps",
                )
            command.kill()
        stage.ask("hold")
        seen = stage.live()
        if failed := stage.failed():
            fail("requests of users failed when the deploy was killed", observed=f"{failed} failed", expected="none")
        if case.name == "starting" and set(seen) != {stage.first.version}:
            fail(
                "users did not get production any more",
                observed=", ".join(names.get(v, v) for v in seen),
                expected="production",
            )
        ended = stage.deploy(next_one)
        if ended.exit_status != 0:
            fail(
                "the next deploy does not go through",
                observed=how(ended),
                expected="exit status 0: it cleans up, then deploys its own candidate",
            )
        stage.must_serve(next_one.version, names, "after the next deploy")
        if failed := stage.failed():
            told = ", ".join(stage.state()["failures"][:3])
            fail(
                "requests of users failed while the next deploy cleaned up",
                observed=f"{failed} failed: {told}",
                expected="none",
            )


@each_case(ROLLBACKS)
@check(
    points=4,
    after="promotes_better_models",
    hint="Which version was in production before? Is it still in a slot, and if not, where is it?",
    timeout=900,
)
def check_rollback(case, platform, candidate, how):
    """`rollback` {case.title} restores the version before, at once."""
    new, sick = candidate("better", case.name), candidate("more-features", case.name)
    with platform({sick.version: "crash"}) as stage:
        names = {
            stage.first.version: "the version before",
            new.version: "the promoted version",
            sick.version: "the sick version",
        }
        if (ended := stage.deploy(new)).exit_status != 0:
            fail("the deploy did not go through", observed=how(ended), expected="exit status 0")
        if case.name == "taken-back":
            stage.deploy(sick)
        before = stage.state()
        ended = stage.rollback()
        after = stage.state()
        calls = after["calls"][len(before["calls"]) :]
        if ended.exit_status != 0:
            fail("rollback does not end with exit status 0", observed=how(ended), expected="exit status 0")
        stage.must_serve(stage.first.version, names, "after a rollback")
        # The time of the pipeline itself: that of the platform, which starts a process and reloads a router, is left out.
        last = max((call["at"] for call in calls if call["changes"]), default=0)
        took = last - min(call["at"] for call in calls) - sum(call["took"] for call in calls if call["at"] < last)
        took -= sum(after["starts"][len(before["starts"]) :])
        if took > ROLLBACK_S or any(call["path"] == "/watch" for call in calls):
            fail(
                "the way back takes too long",
                observed=f"{took:.1f} s of its own from the first call to the last change",
                expected="at once: no canary on the way back",
            )
        if failed := stage.failed():
            fail("requests of users failed", observed=f"{failed} failed", expected="none")
        lines = [line for line in stage.state()["log"] if line.get("version") == stage.first.version]
        if not lines or lines[-1].get("outcome") != "restored":
            fail(
                "deployments.jsonl does not tell of the rollback",
                observed=lines[-1:] or "no line",
                expected="outcome restored, with the version that users get again",
            )


@check(
    points=3,
    after="promotes_better_models",
    hint="Print the line that you record, and hold it against the table in the contract.",
    timeout=900,
)
def check_log_tells(deploys, lab, parallel):
    """deployments.jsonl tells who, what, when, which commit and why."""
    wanted = [("better", "none", "promoted", None)]
    wanted += [(fault.name, "none", "blocked", fault.params["codes"]) for fault in lab.faults("candidates")]
    wanted += [("better", fault.name, "rolled_back", fault.params["codes"]) for fault in lab.faults("releases")]
    for (_, _, outcome, codes), done in zip(wanted, parallel(lambda one: deploys(one[0], one[1]), wanted), strict=True):
        if codes and set(done.live) != {done.first.version}:
            continue  # It went out though it should not have: that is another check's matter.
        what = "a promotion" if not codes else f"a deploy that ended with reason {codes[0]}"
        lines = [line for line in done.log if line.get("version") == done.candidate.version]
        if not lines:
            fail(
                f"there is no line about {what}",
                observed=f"{len(done.log)} new lines",
                expected="a line with the candidate's version",
            )
        line, card = lines[-1], _card(done)
        expected = {"outcome": outcome, "actor": "ines", "commit": card["commit"]}
        for key, value in expected.items():
            if line.get(key) != value:
                fail(
                    f"the line about {what} has another {key}",
                    observed=f"{key}: {line.get(key)!r}",
                    expected=f"{key}: {value!r}",
                )
        if codes and line.get("reason") not in codes:
            fail(
                f"the line about {what} gives another reason",
                observed=f"reason: {line.get('reason')!r}",
                expected=f"reason: {' or '.join(codes)}",
            )
        if not _is_time(line.get("at")):
            fail(
                f"the line about {what} does not tell when",
                observed=f"at: {line.get('at')!r}",
                expected="the time of the deploy, ISO 8601 with a time zone",
            )


# --- helpers --------------------------------------------------------------------------------------------------------


def _card(done):
    return json.loads(done.candidate.card)


def _served(done):
    """Version → answers to users, in the whole deploy."""
    served = {}
    for phase in done.state["phases"]:
        for version, count in phase["answered"].items():
            served[version] = served.get(version, 0) + count
    return served


def _who(answers, done):
    names = {done.first.version: "production", done.candidate.version: "the candidate"}
    return ", ".join(f"{names.get(v, 'nobody (failed)')}: {n} answers" for v, n in answers.items()) or "nobody answered"


def _is_time(text):
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return False
    if moment.tzinfo is None:
        return False
    return abs((datetime.datetime.now(datetime.UTC) - moment).total_seconds()) < 1800
