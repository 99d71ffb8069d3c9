"""The checks of lab 05: the learner's workflow, run by act on good and bad commits, and read where running cannot tell."""

import hashlib
import hmac
import json
import re

from sandbox.grading import SimpleCase, check, each_case, each_fault, fail
from sandbox.grading.workflows.leaks import leak

CI = ".github/workflows/ci.yml"
ARTIFACT = "model"
PARTS_OF_MODEL = {"model.json", "metrics.json"}
REGISTERED = re.compile(r"\bregistered [0-9a-f]{12}\b")


@check(points=1, hint="The line and the column are those of the first thing that cannot be read.", timeout=300)
def check_workflow_is_valid(workflow, schema_problem, known_actions, runners):
    """GitHub could read your workflow."""
    parsed = workflow()
    if problem := schema_problem():
        fail("the file is YAML, but not a workflow that GitHub would take. Nothing was run", observed=problem)
    assert parsed.jobs, f"{CI} has no job"
    for name, job, _ in parsed.all_jobs():
        where = parsed.machines(job)
        if "uses" in job:
            fail(f"job {name} is a workflow of elsewhere, or one that is not there", observed=job["uses"],
                 expected="jobs of this repository: nothing can be fetched here")  # fmt: skip
        if not where or not where <= runners:
            fail(
                f"job {name} runs on a machine that the lab does not have",
                observed=job.get("runs-on"),
                expected=" or ".join(sorted(runners)),
            )
        assert "container" not in job and "services" not in job, f"job {name} wants a container; the lab has none"
    for use in sorted(parsed.uses()):
        owner, _, rest = use.partition("@")[0].partition("/")
        if owner != "actions" or rest.split("/")[0] not in known_actions:
            fail("the workflow uses an action that the lab does not have", observed=use,
                 expected=f"actions/{', actions/'.join(sorted(known_actions))}, or an action of this repository")  # fmt: skip


STARTS = (
    SimpleCase("push-main", "a push to main starts it", ("push", "refs/heads/main", ("README.md", "flightdelay/model.py"), True)),
    SimpleCase("push-release", "a push to release/1.10 starts it", ("push", "refs/heads/release/1.10", ("VERSION",), True)),
    SimpleCase("pull-main", "a pull request into main starts it", ("pull_request", "refs/heads/main", ("flightdelay/model.py",), True)),
    SimpleCase("pull-release", "a pull request into release/2.0 starts it", ("pull_request", "refs/heads/release/2.0", ("VERSION",), True)),
    SimpleCase("documents", "a change of nothing but documents starts it too", ("pull_request", "refs/heads/main", ("docs/model.md",), True)),
    SimpleCase("tag", "a tag does not start it", ("push", "refs/tags/v1.10.0", (), False)),
)  # fmt: skip


@check(
    points=2,
    after="workflow_is_valid",
    hint="Look at what stands under `on`, and at what GitHub makes of a filter that is not there.",
)
@each_case(STARTS)
def check_triggers(case, workflow):
    """It starts when it should, and only then: {case.title}."""
    event, ref, changed, wanted = case.value
    parsed = workflow()
    if parsed.starts_on(event, ref, changed) == wanted:
        # A workflow that never starts on anything starts on no tag either; that is not worth a point.
        assert wanted or parsed.starts_on("push", "refs/heads/main"), "nothing starts it at all"
        return
    fail(
        "it would not start" if wanted else "it would start",
        observed=f"on: {json.dumps(parsed.triggers)}",
        expected=case.title,
    )


GOOD = (
    SimpleCase("refactoring", "a refactoring", {}),
    SimpleCase("documentation", "a change of documents", {"pull": "*"}),
    SimpleCase("better-model", "a better model", {"pull": "*"}),
    SimpleCase("new-module", "a new module with its test", {}),
    SimpleCase("new-dependency", "a new package that requirements.txt lists", {"pull": "*"}),
    SimpleCase("new-test", "a new test", {"pull": "*"}),
    SimpleCase("release", "a release 1.10.0 after 1.9.0", {"branch": "release/1.10"}),
)


@check(points=4, after="workflow_is_valid", timeout=600,
       hint="The output of the step that failed is in the message. Each job begins on an empty machine.")  # fmt: skip
@each_case(GOOD)
def check_accepts_good_commits(case, run_on, green):
    """A good commit goes through: {case.title}."""
    green(run_on(case.name, **case.value), case.title)


@check(points=7, after="accepts_good_commits", timeout=600,
       hint="Make the same mistake in your workspace and run the tool that should see it. What is its exit status?")  # fmt: skip
@each_fault("commits")
def check_stops_bad_commits(fault, run_on):
    """A bad commit is stopped: one that {fault.title}."""
    outcome = run_on(fault.name, **fault.params)
    _ended(outcome)
    assert not outcome.green, "the run is green: nothing in your workflow noticed"


@check(
    points=2, after="accepts_good_commits", hint="Which versions does your test job ask setup-python for?", timeout=600
)
@each_case((
    SimpleCase("python-3-11", "breaks on Python 3.11 only"),
    SimpleCase("python-3-12", "breaks on Python 3.12 only"),
))  # fmt: skip
def check_both_pythons(case, run_on):
    """A commit that {case.title} is stopped."""
    outcome = run_on(case.name, pull="*")
    _ended(outcome)
    assert not outcome.green, "the run is green: the tests did not meet this version, or its failure did not count"


@check(points=2, after="accepts_good_commits", timeout=600,
       hint="A job that nothing ties to the others starts at once. What must be over before the model is handed on?")  # fmt: skip
def check_order(run_on, bad_runs, expected_model):
    """The model is handed over when everything else has passed, and only then."""
    good = run_on("refactoring")
    artifact = good.artifacts.get(ARTIFACT)
    if artifact is None:
        fail(
            "the run on a good commit leaves no artifact with the name `model`",
            observed=f"artifacts: {sorted(good.artifacts) or 'none'}",
        )
    if missing := PARTS_OF_MODEL - set(artifact):
        fail(
            "the artifact `model` lacks a file",
            observed=sorted(artifact),
            expected=f"also {', '.join(sorted(missing))}, without a folder",
        )
    asked = run_on("better-model", pull="*")
    if asked.green and not set(asked.artifacts.get(ARTIFACT, {})) >= PARTS_OF_MODEL:
        fail("the run on a good pull request leaves no artifact `model` with both files, and a reviewer has nothing to look at",
             observed=f"artifacts: {sorted(asked.artifacts) or 'none'}")  # fmt: skip
    made = expected_model(good)
    for name in sorted(PARTS_OF_MODEL):
        assert artifact[name] == made[name], f"{name} in the artifact is not what training on the commit gives"
    for title, outcome in bad_runs():
        if not outcome.green and ARTIFACT in outcome.artifacts:
            fail(f"the run on a commit that {title} is red and hands over a model all the same",
                 observed=f"jobs: {dict(outcome.jobs)}", expected="no artifact `model` from a red run")  # fmt: skip
        if not outcome.green and REGISTERED.search(outcome.output):
            fail(f"the run on a commit that {title} is red and has registered a model all the same",
                 observed=f"jobs: {dict(outcome.jobs)}", expected="nothing is registered before everything else has passed")  # fmt: skip


@check(points=1, after="accepts_good_commits", timeout=300,
       hint="Look for a path outside the workspace that one job writes and another one reads.")  # fmt: skip
def check_isolation(run_on, green):
    """Jobs share no disk: files go from one to the next as artifacts."""
    outcome = run_on("better-model", separate=True)
    if not outcome.green:
        fail("a good commit turns red when each job has a machine of its own, as on GitHub", observed=outcome.why(),
             expected="jobs that need nothing from one another's home folder or /tmp")  # fmt: skip


@check(
    points=2,
    after="workflow_is_valid",
    hint="Without the key, the token of a run has what the repository's settings give: often everything.",
)
def check_least_privilege(every_job):
    """The token of each job may read the repository, and no more."""
    for name, job, home in every_job():
        rights = home.rights(job)
        if rights is None:
            fail(
                f"nothing limits what the token of job {name} may do",
                expected="`permissions` for the workflow or for the job",
            )
        given = rights if isinstance(rights, dict) else {"everything": rights}
        too_much = {k: v for k, v in given.items() if v != "none" and (k, v) != ("contents", "read")}
        if too_much:
            fail(
                f"the token of job {name} may do more than it needs",
                observed=too_much,
                expected="read the contents, and nothing else",
            )


@check(points=1, after="workflow_is_valid", hint="A tag can be moved to other code after you have read it.")
def check_pinned_actions(workflow, every_use):
    """Every action is pinned to a commit."""
    assert workflow().uses(), "the workflow uses no action, so it checks out nothing"
    uses = every_use()
    loose = sorted(use for use in uses if not re.fullmatch(r"[0-9a-f]{40}", use.partition("@")[2]))
    if loose:
        fail(
            f"{len(loose)} of {len(uses)} actions can change under your feet",
            observed=", ".join(loose),
            expected="a commit of 40 digits after the @",
        )


@check(points=1, after="workflow_is_valid", hint="GitHub's own limit for a job that hangs is six hours.")
def check_time_limits(every_job):
    """Every job is stopped after at most 30 minutes."""
    for name, job, _ in every_job():
        minutes = job.get("timeout-minutes")
        if minutes is None:
            fail(f"job {name} has no time limit", expected="`timeout-minutes` in every job")
        if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes <= 30:
            fail(
                f"the time limit of job {name} does not do",
                observed=minutes,
                expected="a number of minutes, at most 30",
            )


@check(points=2, after="workflow_is_valid", timeout=300,
       hint="Write down the name of the group for two pushes to one pull request, for another pull request and for main.")  # fmt: skip
def check_concurrency(concurrency, workflow):
    """A newer push to a pull request cancels the older run, and no other."""
    answers = concurrency()
    if not answers:
        fail("nothing says which runs exclude one another", expected="`concurrency` for the workflow, or in every job")
    for place, answer in answers.items():
        first, second = answer["first"], answer["second"]
        if first.group != second.group:
            fail(f"two runs of the same pull request are in different groups (concurrency of {place})",
                 observed=f"{first.group!r} and {second.group!r}", expected="one group for one pull request")  # fmt: skip
        assert second.cancels, (
            f"the newer run waits for the older one instead of cancelling it (concurrency of {place})"
        )
        names = {"other": "another pull request", "main": "main", "release": "release/1.10"}
        for other, title in names.items():
            if answer[other].group == first.group:
                fail(
                    f"a pull request and {title} are in the same group: one would cancel the other",
                    observed=first.group,
                )
        if answer["main"].group == answer["release"].group:
            fail(
                "main and a release branch are in the same group: one would cancel the other",
                observed=answer["main"].group,
            )
        if answer["main"].group == answer["main again"].group and answer["main again"].cancels:
            fail(f"a push to main cancels the run of the push before it, which then has no verdict (concurrency of {place})",
                 observed=f"{answer['main'].group!r}, which cancels", expected="only a newer push to a pull request cancels")  # fmt: skip
    _jobs_of_one_run(
        workflow(), {place.removeprefix("job "): answer["first"].group for place, answer in answers.items()}
    )


def _jobs_of_one_run(parsed, groups):
    # A group of a job holds within a run, too: jobs that are not in line would cancel each other.
    for name, group in groups.items():
        job = parsed.jobs.get(name)
        if job is None:
            continue
        written = str(job.get("concurrency"))
        if parsed.legs(job) > 1 and "matrix" not in written and "strategy" not in written:
            fail(f"the jobs that the matrix makes of job {name} are all in one group, and cancel one another", observed=group,
                 expected="a group for each job of the matrix, or `concurrency` for the workflow")  # fmt: skip
        for other in groups:
            in_line = other == name or other in parsed.waits_for(name) or name in parsed.waits_for(other)
            if groups[other] == group and not in_line:
                fail(f"jobs {name} and {other} of the same run are in one group, and cancel each other", observed=group,
                     expected="a group for each job, or `concurrency` for the workflow")  # fmt: skip


@check(points=4, after="accepts_good_commits", timeout=600,
       hint="Follow the token: who can read it, what is written with it, where does that go?")  # fmt: skip
@each_case((
    SimpleCase("registers", "a push to main registers its model with it"),
    SimpleCase("pull-request", "a pull request registers nothing"),
    SimpleCase("fork", "a pull request from a fork gets none and is green"),
    SimpleCase("trigger", "no trigger hands it to code of strangers"),
    SimpleCase("tests", "the tests cannot read it"),
    SimpleCase("output", "it is in no output"),
    SimpleCase("artifacts", "it is in no artifact"),
))  # fmt: skip
def check_secret_stays_secret(case, run_on, green, workflow, every_trigger, all_runs):
    """The registry's token: {case.title}."""
    match case.name:
        case "registers":
            _registered(run_on("refactoring"))
        case "pull-request":
            asked = run_on("better-model", pull="*")
            if "receipt.json" in asked.artifacts.get(ARTIFACT, {}) or REGISTERED.search(asked.output):
                fail("the model of a pull request is registered: it is announced before it is merged")
            _registered(run_on("refactoring"))
        case "fork":
            green(
                run_on("documentation", pull="patch-1", fork=True),
                "a good pull request from a fork, which has no secret",
            )
            _uses_the_token(workflow())
        case "trigger":
            bad = sorted({"pull_request_target", "workflow_run", "issue_comment"} & every_trigger())
            if bad:
                fail(
                    "this trigger runs with the repository's secrets on what a stranger proposes",
                    observed=", ".join(bad),
                )
            _uses_the_token(workflow())
        case "tests":
            green(
                run_on("no-credentials-in-tests"),
                "a commit whose new tests look for the token in their environment, the repository and the home folder",
            )
            _uses_the_token(workflow())
        case "output" | "artifacts":
            _uses_the_token(workflow())
            run_on("refactoring")
            for outcome in all_runs():
                if case.name == "output":
                    if found := leak(outcome.output, outcome.token):
                        fail(f"the token, or a good part of it, is in the output of a run ({found})")
                    continue
                for artifact, files in outcome.artifacts.items():
                    for name, content in files.items():
                        if found := leak(content.decode("latin-1"), outcome.token):
                            fail(
                                f"the token, or a good part of it, is in the file {name} of the artifact {artifact} ({found})"
                            )


def _ended(outcome):
    # A run that hangs is red as well, but it tells nobody that the commit is bad.
    assert not outcome.finished.timed_out, f"the run gave no verdict: {outcome.why()}"


def _uses_the_token(parsed):
    text = json.dumps([parsed.table, *(dict(home.table) for _, _, home in parsed.all_jobs())], default=str)
    assert "secrets." in text or "secrets:" in text or '"secrets"' in text or "secrets[" in text, (
        "the workflow does not use REGISTRY_TOKEN at all, so there is nothing to keep"
    )


def _registered(outcome):
    content = outcome.artifacts.get(ARTIFACT, {})
    if "receipt.json" not in content:
        fail(
            "a push to main leaves no receipt.json in the artifact `model`",
            observed=sorted(content),
            expected="the receipt of tools/register.py",
        )
    try:
        receipt = json.loads(content["receipt.json"])
    except ValueError:
        fail("receipt.json is not JSON", observed=content["receipt.json"][:200])
    digest = hashlib.sha256(content.get("model.json", b"")).hexdigest()
    signature = hmac.new(outcome.token.encode(), digest.encode(), hashlib.sha256).hexdigest()
    if receipt != {"model_sha256": digest, "signature": signature}:
        fail("the receipt does not belong to this model and this token", observed=receipt)


QUOTES = "\"; touch $STANDIN_EVIDENCE/{0}; echo \" '; touch $STANDIN_EVIDENCE/{0}; echo ' $(touch $STANDIN_EVIDENCE/{0}) `touch $STANDIN_EVIDENCE/{0}`"
# What printf, an echo of sh and a variable without quotes would change.
FORMATS = r"by 100 %s \t\\ * /*"
BRANCH = "$(touch${IFS}$STANDIN_EVIDENCE/branch)"


@check(points=2, after="accepts_good_commits", timeout=600,
       hint="GitHub pastes an expression into a script before the shell reads it. What reads an environment variable?")  # fmt: skip
@each_case((
    SimpleCase("title", "title of a pull request", {"pull": "fix/title", "title": f"Mend  the clock {FORMATS} {QUOTES.format('title')}"}),
    SimpleCase("branch", "branch of a pull request", {"pull": f"fix/{BRANCH}", "title": "Mend the clock"}),
    SimpleCase("pushed", "branch that is pushed to", {"branch": f"release/1.10-{BRANCH}"}),
))  # fmt: skip
def check_no_injection(case, run_on, green):
    """The {case.title} is shown in the summary as it is, and no shell runs it."""
    outcome = run_on("release", **case.value)
    shown = case.value["title"] if case.name == "title" else case.value.get("pull") or case.value["branch"]
    if outcome.evidence:
        fail(
            f"a command that stood in the {case.title} was run",
            observed=f"the {case.title} was {shown}",
            expected="text, and nothing but text",
        )
    green(outcome, f"a good commit; the {case.title} is {shown}")
    if shown not in outcome.summary:
        fail(
            f"the summary does not show the {case.title} as it is",
            observed=outcome.summary.strip() or "an empty summary",
            expected=shown,
        )


@check(
    points=1, after="accepts_good_commits", hint="What does each job install, and what of it does it use?", timeout=600
)
@each_case((SimpleCase("time", "wall time"),))
def check_quick_enough(case, run_on, reference_on):
    """A verdict comes in at most four times the time of the reference workflow."""
    mine = [
        run_on(kind, **how).finished.duration_s for kind, how in (("refactoring", {}), ("better-model", {"pull": "*"}))
    ]
    took, wanted = min(mine), reference_on("refactoring").finished.duration_s
    told = f"your workflow {took:.1f} s, the reference {wanted:.1f} s"
    if took > 4 * wanted + 3:
        fail("the run takes long", observed=told)
    return told
