"""Lab 06: a pipeline deploys good, bad and sick versions under traffic; users and the platform tell what it did."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import re

from sandbox.grading import SimpleCase, check, each_case, each_fault, fail, needs

MODEL, CARD = "model.json", "card.json"

GOOD = "more-features"
KILLED = [
    SimpleCase("starting", "the new version starts", {"path": "/slots/", "share": 0.0}),
    SimpleCase("half", "half of the traffic is shifted", {"path": "/", "share": 0.35}),
]
ROLLBACKS = [
    SimpleCase("promoted", "after a promotion"),
    SimpleCase("taken-back", "after a promotion between two deploys that failed"),
]
# What the first of the two deploys, and what users should have once the second has done its part.
TWO = [
    SimpleCase("deploy", "the second deploy", ("better", "more-features")),
    SimpleCase("rollback", "a rollback during a deploy", ("more-features", "better")),
]
SHARES = ["few", "half", "all"]
WATCHED = 40
ROLLBACK_S = 5


@needs("traefik")
@check(
    points=4,
    hint="Run it by hand on paper: which slot serves users, which is free, and what does the router do at the end?",
    timeout=900,
)
def check_promotes_better_models(deploys):
    """Your pipeline promotes a better model: at the end all users get it."""
    done = deploys(GOOD)
    if done.ended.exit_status != 0:
        fail(
            "the deploy of a good candidate does not end with exit status 0",
            observed=done.said,
            expected="exit status 0: promoted",
        )
    if set(done.live) != {done.candidate.version}:
        fail(
            "after the deploy, users do not get the new version",
            observed=f"{_who(done.live, done)}; the pipeline: {done.said}",
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
    done = deploys(GOOD)
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
    steps = deploys(GOOD).steps()
    told = ", then ".join(
        f"{ {'few': 'at most 25 %', 'half': 'about half', 'all': 'all'}[kind] } ({n} answers)" for kind, n in steps
    )
    order = list(dict.fromkeys(kind for kind, _ in steps))
    if order != SHARES:
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
    done = deploys(GOOD)
    for package in done.started():
        for part, text in (("model", done.candidate.model), ("card", done.candidate.card)):
            if package[part] != text:
                fail(
                    f"the {part} that was started is not the candidate's", observed=f"{len(package[part] or '')} characters, other text",
                    expected=f"the {len(text)} characters of {part}.json, unchanged",
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
            observed=f"{_who(done.live, done)}; {done.failed} failed requests; the pipeline: {done.said}",
            expected="production as before",
        )
    if done.ended.exit_status in (0, None):
        fail(
            "the deploy does not end with an exit status that says no",
            observed=done.said,
            expected="an exit status above 0",
        )


@check(
    points=1,
    after="promotes_better_models",
    hint="Write down four numbers: both models on all flights, and both on the flights of that carrier. Which two does the gate compare?",
    timeout=900,
)
def check_lets_weak_carriers_pass(deploys):
    """Your pipeline promotes a better model that is weak on a carrier where production is as weak."""
    done = deploys("weak-there-too")
    if done.ended.exit_status != 0 or set(done.live) != {done.candidate.version}:
        fail(
            "a candidate that is nowhere far below production did not go out",
            observed=f"{_who(done.live, done)}; the pipeline: {done.said}",
            expected="promoted: better on the whole, as good as production on its weak carrier, 0.03 below it at most on another",
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
            observed=f"{_who(done.live, done)}; the pipeline: {done.said}",
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
    elif wrong := [kind for kind in seen if SHARES.index(kind) > SHARES.index(fault.params.get("later", "few"))]:
        fail(
            "it got more traffic though it was sick already",
            observed=f"it went on to {wrong[-1]} of the traffic",
            expected="back to the version before, at the step that showed it",
        )
    if not done.started():
        fail(
            "it was never tried",
            observed="start() was not called",
            expected="a good model is started; only its process is sick",
        )


@each_case(TWO)
@check(
    points=3,
    after="promotes_better_models",
    hint="What must a deploy, and a rollback, hold before it reads anything that another one could change?",
    timeout=900,
)
def check_one_deploy_at_a_time(case, platform, candidate, how, end_of):
    """Of two at once, {case.title} waits or is refused."""
    mine, theirs = (candidate(kind, case.name) for kind in case.value)
    names = {mine.version: "the first deploy's version", theirs.version: "the second's version"}
    with platform() as stage:
        names[stage.first.version] = "the old version"
        arguments = ["deploy", stage.folder]
        if case.name == "rollback":
            # Something that a rollback leads back to, so that it has a reason to change anything.
            arguments, names[theirs.version] = ["rollback"], "the version before it"
            _must_deploy(stage, theirs, how, "the deploy before")
        with stage.started(["deploy", stage.folder], mine) as (a, first):
            stage.ask("hold", by=a, path="/slots/", share=0.0)
            if not stage.until_held(first):
                fail(
                    "a deploy alone did not start its candidate",
                    observed=how(end_of(first)),
                    expected="the candidate in the free slot",
                )
            with stage.started(arguments, theirs if "deploy" in arguments else None, "yuki") as (b, second):
                # It asks for the lease, changes something, or ends: until then the first one stands still.
                stage.until_asked(second, b)
                stage.ask("hold")
                ended_first = end_of(first)
                stage.ask("gone", by=a)
                ended_second = end_of(second)
        changes = [call["by"] for call in stage.state()["calls"] if call["changes"] and call["by"] in (a, b)]
        order = [key for key, _ in itertools.groupby(changes)]
        if len(order) != len(set(order)):
            fail(
                f"a deploy and {case.title} changed slots or routes in turns", observed=f"changes by the first and the second in {len(order)} turns",
                expected="all changes of one before any of the other",
            )  # fmt: skip
        if ended_first.exit_status != 0:
            fail("the first of the two did not go through", observed=how(ended_first), expected="exit status 0")
        wanted = theirs.version if ended_second.exit_status == 0 else mine.version
        stage.must_serve(wanted, names, "after two at once")
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
        with stage.started(["deploy", stage.folder], lost) as (_, command):
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
        if case.name == "taken-back":
            stage.deploy(sick)
        _must_deploy(stage, new, how)
        if case.name == "taken-back":
            stage.deploy(sick)
        _must_restore(stage, stage.first, names, how)


@check(
    points=2,
    after="rollback",
    hint="Write down the log of all these commands, line by line. Which of the lines says what users have, and which what they had?",
    timeout=900,
)
def check_rollback_again(platform, candidate, how):
    """A second `rollback` in a row tells what it did, and the next one after a deploy restores what users had."""
    new, newest = candidate("better", "again"), candidate("more-features", "again")
    with platform() as stage:
        first = stage.first
        names = {
            first.version: "the first version",
            new.version: "the version that was rolled back",
            newest.version: "the version that was promoted last",
        }
        ended = stage.rollback()
        if ended.exit_status == 0:
            fail(
                "rollback says it is done where there is no version before",
                observed=how(ended),
                expected="a status above 0",
            )
        stage.must_serve(first.version, names, "after a rollback with no version before")
        _must_deploy(stage, new, how)
        _must_restore(stage, first, names, how)
        has = _second_rollback(stage, first, new, names, how)
        _must_deploy(stage, newest, how, "the deploy after two rollbacks")
        _must_restore(stage, has, names, how)


@check(
    points=3,
    hint="Which of these facts about the candidate did you compute, which did you copy, and from what?",
)
def check_packages_with_card(build, quality, used_features, world):
    """`build` trains a model and packages it with a card that is true."""
    commits = ["5f3c" * 10, "a07e" * 10]
    made = [build(commit) for commit in commits]
    for one, commit in zip(made, commits, strict=True):
        if one.ended.exit_status != 0:
            fail("build does not end with exit status 0", observed=one.said, expected="exit status 0")
        model, card = _table(one, MODEL), _table(one, CARD)
        auc, production = quality(model), quality(json.loads(world.first.model))
        if auc is None:
            fail(
                "the model cannot be evaluated",
                observed=str(model)[:300],
                expected="keys and numbers as in flightdelay/model.py",
            )
        if auc <= production:
            fail(
                "the model that was built is no better than production",
                observed=f"AUC {auc:.4f} on the held-out flights, production has {production:.4f}",
                expected="what fit() makes of all of data/train.csv",
            )
        facts = {
            "version": (card.get("version"), model.get("version")),
            "model_sha256": (card.get("model_sha256"), hashlib.sha256(one.files[MODEL]).hexdigest()),
            "commit": (card.get("commit"), commit),
            "trained_months": (_set(card.get("trained_months")), set(world.training_months)),
            "features": (_set(card.get("features")), used_features(model)),
        }
        for key, (seen, true) in facts.items():
            if seen != true:
                fail(f"the card's {key} is not true", observed=f"{key}: {card.get(key)!r}", expected=f"{true!r}")
        told = card["metrics"].get("auc") if isinstance(card.get("metrics"), dict) else None
        if not isinstance(told, int | float) or not abs(told - auc) <= 0.006:  # NaN is no number
            fail(
                "the card's metrics.auc is not true",
                observed=f"{told!r}",
                expected=f"{auc:.4f}: the AUC on data/holdout.csv",
            )
    # A build may refuse such flights. What it makes of them must come from them.
    turned = build("c41d" * 10, world.turned)
    if turned.ended.exit_status == 0 and (auc := quality(_table(turned, MODEL))) is not None and auc >= 0.5:
        fail(
            "the model was not trained on all of data/train.csv, or on other flights too",
            observed=f"trained on flights whose labels are mostly swapped: AUC {auc:.4f} on the held-out flights",
            expected="an AUC below 0.5, as all these flights teach it",
        )
    versions = [str(_table(one, CARD)["version"]) for one in made]
    if versions[0] == versions[1] or not all(re.fullmatch(r"[A-Za-z0-9.-]{1,60}", each) for each in versions):
        fail(
            "a version does not name one commit's model",
            observed=f"built on two commits: {', '.join(versions)}",
            expected="two versions of letters, digits, dots and hyphens",
        )


STARTS = (
    SimpleCase("push-main", "a push to main starts it", ("push", "refs/heads/main", True)),
    SimpleCase("push-branch", "a push to another branch does not", ("push", "refs/heads/release/1.10", False)),
    SimpleCase("tag", "a tag does not", ("push", "refs/tags/v1.10.0", False)),
    SimpleCase("pull-main", "a pull request does not", ("pull_request", "refs/heads/main", False)),
    SimpleCase(
        "stranger", "a pull request does not, with rights of main", ("pull_request_target", "refs/heads/main", False)
    ),
)


@each_case(STARTS)
@check(points=1, hint="What has been reviewed and tested, and what has not yet?")
def check_starts_on_main(case, workflow):
    """The workflow starts when it should, and only then: {case.title}."""
    event, ref, wanted = case.value
    parsed = workflow()
    if parsed.starts_on(event, ref, ("data/train.csv",)) == wanted:
        assert wanted or parsed.starts_on("push", "refs/heads/main", ("data/train.csv",)), "nothing starts it at all"
        return
    fail(
        "it would not start" if wanted else "it would start",
        observed=f"on: {json.dumps(parsed.triggers)}",
        expected=case.title,
    )


@needs("git", "act")
@check(
    points=4,
    after=("promotes_better_models", "packages_with_card", "starts_on_main"),
    hint="Which step needs which file and which variable, and does it run on the machine where that file was written?",
    timeout=900,
)
def check_workflow_deploys(platform, releases, world, green):
    """A push to main is trained, packaged and deployed."""
    with platform() as stage:
        run = releases.run(stage, "good", world.train)
        live, state = stage.live(), stage.state()
    green(run, "a good commit on main")
    if stage.first.version in live or "" in live:
        fail(
            "the run is green, and users do not get what it built",
            observed=f"{live.get(stage.first.version, 0)} answers from the version before, {live.get('', 0)} failed",
            expected="all answers from the new version",
        )
    artifact = run.artifacts.get("model", {})
    if not {MODEL, CARD} <= set(artifact):
        fail(
            "the run hands over no artifact `model` with both files",
            observed=f"artifacts: {({name: sorted(files) for name, files in run.artifacts.items()}) or 'none'}",
            expected=f"{MODEL} and {CARD} at the top of the artifact `model`",
        )
    handed = {"model": artifact[MODEL], "card": artifact[CARD]}
    for call in state["calls"]:
        for part, content in handed.items():
            if "package" in call and str(call["package"][part]).encode() != content:
                fail(f"the {part} that was started is not the one in the artifact", expected="byte for byte the same")
    line = next((line for line in reversed(state["log"]) if line.get("outcome") == "promoted"), {})
    wanted = {"commit": run.made.sha, "actor": releases.look.author.lower()}
    for key, value in wanted.items():
        if line.get(key) != value:
            fail(
                f"the log has another {key}",
                observed=f"{key}: {line.get(key)!r}",
                expected=f"{key}: {value!r}, as the event says",
            )
    told = run.output + "".join(
        content.decode("latin-1") for files in run.artifacts.values() for content in files.values()
    )
    if run.token in told:
        fail("FLEET_TOKEN is in the output or in an artifact of the run", expected="a secret that stays one")
    if failed := sum(phase["failed"] for phase in state["phases"]):
        fail("requests of users failed during the run", observed=f"{failed} failed", expected="none")


@needs("git", "act")
@check(
    points=2,
    after="workflow_deploys",
    hint="With which status does the step end that was told no, and what becomes of that status?",
    timeout=900,
)
def check_workflow_says_no(platform, releases, world):
    """A push whose model is worse than production turns the run red, and users keep what they have."""
    with platform() as stage:
        run = releases.run(stage, "bad", world.swapped)
        live = stage.live()
    if set(live) != {stage.first.version}:
        fail(
            "users do not all get production any more",
            observed=f"{sum(live.values())} answers",
            expected="production untouched",
        )
    if run.finished.timed_out:
        fail("the run gave no verdict", observed=run.why(), expected="a red run")
    if run.green:
        fail("the run is green", observed=f"jobs: {dict(run.jobs)}", expected="a red run: nothing was deployed")


@needs("git", "act")
@check(
    points=1,
    after="starts_on_main",
    hint="Two pushes within a minute: what should become of the first run while it shifts traffic?",
    timeout=300,
)
def check_runs_do_not_meet(releases):
    """Of two runs, the newer one waits for the older one and does not cancel it."""
    answers = releases.meetings()
    if not answers:
        fail("nothing keeps two runs apart", expected="`concurrency` for the workflow, or for the job that deploys")
    for place, answer in answers.items():
        first, second = answer["first"], answer["second"]
        if first.group != second.group:
            fail(
                f"two runs on main are in different groups (concurrency of {place})",
                observed=f"{first.group!r} and {second.group!r}",
                expected="one group for all of them",
            )
        if second.cancels:
            fail(
                f"the newer run cancels the older one, which may be half way (concurrency of {place})",
                observed="cancel-in-progress: true",
                expected="a run that waits",
            )


@check(
    points=3,
    after="promotes_better_models",
    hint="Print the line that you record, and hold it against the table in the contract.",
    timeout=900,
)
def check_log_tells(deploys, lab, parallel):
    """deployments.jsonl tells who, what, when, which commit and why."""
    wanted = [(GOOD, "none", "promoted", None)]
    wanted += [(fault.name, "none", "blocked", fault.params["codes"]) for fault in lab.faults("candidates")]
    wanted += [("better", fault.name, "rolled_back", fault.params["codes"]) for fault in lab.faults("releases")]
    for (_, _, outcome, codes), done in zip(wanted, parallel(lambda one: deploys(one[0], one[1]), wanted), strict=True):
        # It went out, or was started, though it should not have been: that is another check's matter.
        if codes and (set(done.live) != {done.first.version} or (outcome == "blocked" and done.started())):
            continue
        what = "a promotion" if not codes else f"a deploy that ended with reason {codes[0]}"
        lines = [line for line in done.log if line.get("version") == done.candidate.version]
        if not lines:
            fail(
                f"there is no line about {what}",
                observed=f"{len(done.log)} new lines; the pipeline: {done.said}",
                expected="a line with the candidate's version",
            )
        line, card = lines[-1], _card(done)
        if codes and any(each.get("outcome") == "promoted" for each in lines):
            fail(
                f"the log called the candidate promoted in {what}",
                observed=f"its lines: {', '.join(str(each.get('outcome')) for each in lines)}",
                expected="a line `promoted` once the last step is over, and none before",
            )
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


def _must_deploy(stage, package, how, told="the deploy"):
    """Deploy a good package, without which the rest of a check makes no sense."""
    if (ended := stage.deploy(package)).exit_status != 0:
        fail(f"{told} did not go through", observed=how(ended), expected="exit status 0")


def _must_restore(stage, wanted, names, how):
    """Roll back; fails the check unless all users get this version at once, without a failed request, and the log tells."""
    before = stage.state()
    ended = stage.rollback()
    after = stage.state()
    calls = after["calls"][len(before["calls"]) :]
    if ended.exit_status != 0:
        fail("rollback does not end with exit status 0", observed=how(ended), expected="exit status 0")
    stage.must_serve(wanted.version, names, "after a rollback")
    for call in calls:
        if "package" in call and call["package"] != {"model": wanted.model, "card": wanted.card}:
            fail(
                "rollback started something else than what was in production",
                observed="a package with another text",
                expected="model and card of that version, byte for byte",
            )
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
        told = ", ".join(stage.state()["failures"][:3])
        fail("requests of users failed on the way", observed=f"{failed} failed: {told}", expected="none")
    lines = [line for line in stage.state()["log"] if line.get("version") == wanted.version]
    if not lines or lines[-1].get("outcome") != "restored":
        fail(
            "deployments.jsonl does not tell of the rollback",
            observed=lines[-1:] or "no line",
            expected="outcome restored, with the version that users get again",
        )


def _second_rollback(stage, first, new, names, how):
    """Roll back once more, from ``first`` to which ``new`` was rolled back; returns what users must have after it.

    The page leaves it to the pipeline whether that brings ``new`` again or is refused. It may not say `done` of nothing.
    """
    known = len(stage.state()["log"])
    ended = stage.rollback()
    has = new if ended.exit_status == 0 else first
    stage.must_serve(has.version, names, f"after a second rollback in a row that ended with status {ended.exit_status}")
    if failed := stage.failed():
        fail("requests of users failed in a second rollback", observed=f"{failed} failed", expected="none")
    told = [line for line in stage.state()["log"][known:] if line.get("outcome") in ("restored", "promoted")]
    if [line.get("version") for line in told[-1:]] != ([new.version] if has is new else []):
        fail(
            "deployments.jsonl does not tell what a second rollback in a row did",
            observed=f"{told[-1:] or 'no line'}; the pipeline: {how(ended)}",
            expected="a line about the version that users get again, or none where it is refused",
        )
    return has


def _table(built, name):
    """A JSON object that `build` wrote; fails the check where there is none."""
    try:
        table = json.loads(built.files[name])
    except (KeyError, ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        fail(
            f"build leaves no {name} that can be read",
            observed=f"files: {sorted(built.files) or 'none'}",
            expected="a JSON object",
        )
    return table


def _set(value):
    """A list as a set; anything else as it is, to be shown."""
    try:
        return set(value) if isinstance(value, list) else value
    except TypeError:
        return value


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
