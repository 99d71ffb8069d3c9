"""Checks of lab 07: what the learner's Terraform does to an emulated cloud.

The cloud is read with boto3 and never through the files' text. One run of Terraform answers many checks: `judge/estate.py`.
"""

from __future__ import annotations

import re

from sandbox.grading import SimpleCase, check, each_case, each_fault, fail

LONG = 840
ENVIRONMENTS = ("dev", "prod")
TAGS = {"Project": "flight-delay", "ManagedBy": "terraform"}
MADE = "platform_stands"


def _first(text, length=500):
    return " ".join(text.split())[:length]


# --- code -----------------------------------------------------------------------------------------------------------------


@check(points=1, timeout=60, hint="Terraform has a command that lays every file out the one usual way.")
def check_formatted(formatting):
    """All files are laid out the usual way (`terraform fmt`)."""
    if formatting.status == 3:
        fail(
            "these files are not formatted",
            observed=_first(formatting.out),
            expected="`terraform fmt -check -recursive infra` names no file",
        )
    assert formatting.ok, f"terraform cannot read a file: {formatting.problem()}"


@check(points=0, timeout=LONG, hint="Run `terraform init` and `terraform validate` in the folder of the environment.")
def check_valid(dev_checked, prod_checked):
    """Both environments initialise and are valid."""
    for environment, checked in (("dev", dev_checked), ("prod", prod_checked)):
        visit = checked()
        for step in ("init", "validate"):
            if visit[step].ok:
                continue
            said = visit[step].json() or {}
            errors = [
                f"{e.get('summary')}: {e.get('detail', '')}"
                for e in said.get("diagnostics", [])
                if e.get("severity") == "error"
            ]
            fail(
                f"{environment}: `terraform {step}` fails: {_first(errors[0], 700) if errors else visit[step].problem()}"
            )


# --- inputs and tests -----------------------------------------------------------------------------------------------------

BAD = (
    SimpleCase(
        "unknown-environment", "an environment that does not exist (`production`)", {"environment": "production"}
    ),
    SimpleCase("upper-case", "an environment in the wrong case (`Prod`)", {"environment": "Prod"}),
    SimpleCase("nobody", "an owner that is no e-mail address (`the ML team`)", {"owner": "the ML team"}),
    SimpleCase("half-a-day", "model_retention_days = 30.5", {"model_retention_days": 30.5}),
    SimpleCase("half-an-attempt", "retraining_attempts = 2.5", {"retraining_attempts": 2.5}),
    SimpleCase("six-days", "model_retention_days = 6", {"model_retention_days": 6}),
    SimpleCase("over-a-year", "model_retention_days = 366", {"model_retention_days": 366}),
    SimpleCase("no-attempt", "retraining_attempts = 0", {"retraining_attempts": 0}),
    SimpleCase("eleven-attempts", "retraining_attempts = 11", {"retraining_attempts": 11}),
)
GOOD = {
    "good-low": {"environment": "staging", "owner": "a@b.example", "model_retention_days": 7, "retraining_attempts": 1},
    "good-high": {
        "environment": "prod",
        "owner": "ml-platform@example.com",
        "model_retention_days": 365,
        "retraining_attempts": 10,
    },
}

DEFAULTS = {"model_retention_days": 30, "retraining_attempts": 3, "protect_models": True}


def _hcl(value):
    return str(value).lower()


@check(points=3, after="valid", timeout=LONG, hint="A variable can carry a rule, and a message for whoever breaks it.")
def check_bad_input_refused(inputs):
    """A bad input is refused at plan time, in your own words, and a good one is not."""
    seen = inputs({**{case.name: case.value for case in BAD}, **GOOD}, DEFAULTS)
    if not seen["defaults"].passed:
        fail(
            "with environment and owner only, a plan of your module does not go through, or a default is another",
            observed=_first(seen["defaults"].problem, 700), expected=", ".join(f"{k} = {_hcl(v)}" for k, v in DEFAULTS.items()),
        )  # fmt: skip
    for name in GOOD:
        values = ", ".join(f"{key} = {value}" for key, value in GOOD[name].items())
        assert seen[name].passed, (
            f"a plan of your module with allowed inputs ({values}) fails: {_first(seen[name].problem, 700)}"
        )
    accepted = [case.title for case in BAD if seen[case.name].passed]
    if accepted:
        fail(
            f"your module accepts {accepted[0]}",
            observed=f"a plan, for {len(accepted)} of {len(BAD)} bad inputs",
            expected="an error when planning",
        )
    for case in BAD:
        if not seen[case.name].said:
            fail(
                f"{case.title} is refused, but not by a rule of yours",
                observed=_first(seen[case.name].problem),
                expected="your own message, from a rule on the variable",
            )


CORRECT = (
    SimpleCase("plain", "a correct module in one file"),
    SimpleCase("spread", "a correct module that is written in another way"),
)


@check(
    points=2, after="valid", timeout=LONG, hint="Test what the contract promises, and leave free what it leaves free."
)
@each_case(CORRECT)
def check_tests_accept(case, learner_tests):
    """Your tests pass on {case.title}."""
    run = learner_tests(case.name)
    if not run.finished:
        fail(
            "your tests were not done in three minutes and were stopped",
            expected="tests that only plan, or that mock the provider",
        )
    if run.failed:
        fail(
            "your tests fail on a module that keeps the contract",
            observed=_first(run.complaint, 700),
            expected="every run passes",
        )
    assert run.passed, "terraform test found no run block in your test files"


@check(
    points=6,
    after="tests_accept",
    timeout=LONG,
    hint="For each promise of the contract: which assertion would notice if it were broken?",
)
@each_fault("modules")
def check_tests_catch(fault, learner_tests):
    """Your tests fail when {fault.title}."""
    run = learner_tests("plain", fault)
    assert run.finished, "your tests were not done in three minutes on this module"
    assert run.failed, f"all your {run.passed} runs still pass with this fault in place"


# --- the platform ---------------------------------------------------------------------------------------------------------


@check(
    points=3,
    after="valid",
    timeout=LONG,
    hint="The contract lists every part by its name. `terraform plan` lists what you have.",
)
def check_platform_stands(dev_applied):
    """On an empty cloud, one apply of dev makes every part of the platform."""
    applied = dev_applied()
    if step := applied.first_problem():
        fail(f"dev: `terraform {step.name}` fails: {step.problem()}")
    missing = applied.platform.missing()
    if missing:
        there = sorted(name for name in applied.inventory if "dev" in name)
        fail(
            f"apply went through, but the cloud lacks {', '.join(missing)}",
            observed=", ".join(there) or "nothing of dev",
            expected="every name of the contract",
        )


@check(
    points=2,
    after=MADE,
    timeout=LONG,
    hint="Where does Terraform write down what it made, and who else can read it there?",
)
def check_state_is_shared(dev_applied):
    """State lies in the shared bucket, each environment's under a key of its own."""
    applied = dev_applied()
    if applied.state_key is None:
        fail(
            "the state of dev is not in the shared bucket: the next machine would make everything again",
            observed="no state of dev in flight-delay-terraform-state", expected="dev/terraform.tfstate",
        )  # fmt: skip
    assert applied.state_key == "dev/terraform.tfstate", (
        f"dev's state lies at {applied.state_key}; the contract says dev/terraform.tfstate"
    )
    known = [r for r in applied.state.get("resources", []) if r.get("mode") == "managed"]
    assert len(known) >= 8, f"the state in the bucket knows only {len(known)} resources of the platform"


@check(
    points=3,
    after=MADE,
    timeout=LONG,
    hint="Four properties, each an own resource in the AWS provider; the contract names them.",
)
@each_case((
    SimpleCase("versioned", "versioned"), SimpleCase("encrypted", "encrypted"), SimpleCase("private", "closed to the public"),
    SimpleCase("tidied", "tidied of replaced models, and of nothing else"),
))  # fmt: skip
def check_bucket(case, dev):
    """The bucket for models is {case.title}."""
    bucket = dev().bucket
    if case.name == "versioned":
        assert bucket["versioning"] == "Enabled", f"versioning is {bucket['versioning']}: an overwritten model is gone"
    elif case.name == "encrypted":
        if not bucket["encryption"] or not all(
            a in ("AES256", "aws:kms", "aws:kms:dsse") for a in bucket["encryption"]
        ):
            fail(
                "the cloud reports no encryption rule for the bucket",
                observed=bucket["encryption"],
                expected="AES256 or aws:kms",
            )
    elif case.name == "private":
        off = [switch for switch, on in bucket["public_access_block"].items() if not on]
        assert not off, f"the block on public access has {len(off)} of 4 switches off: {', '.join(off)}"
        assert not bucket["lets_anyone_in"], "the bucket's own policy lets anyone in"
    else:
        days = bucket["replaced_days"]
        if not days or not all(7 <= d <= 365 for d in days):
            fail(
                "replaced models are not removed after a while",
                observed=f"{len(bucket['lifecycle'])} rules; replaced versions of every model expire after {days or 'no'} days",
                expected="7 to 365 days",
            )
        assert not bucket["current_expiring"], (
            f"rule {bucket['current_expiring'][0]} also expires models that are current: the live one disappears when it is old"
        )


@check(
    points=2,
    after=MADE,
    timeout=LONG,
    hint="Two attributes of the repository: can a tag move, and who looks at what is pushed?",
)
def check_registry(dev):
    """Image tags cannot be moved, and every pushed image is scanned."""
    repository = dev().repository
    assert repository["mutability"] == "IMMUTABLE", (
        f"tags are {repository['mutability']}: the image that was tested may not be the one that runs"
    )
    assert repository["scan_on_push"], "pushed images are not scanned"


@check(
    points=2,
    after=MADE,
    timeout=LONG,
    hint="A request that fails again and again must end somewhere, and someone must see it there.",
)
def check_retraining_queue(dev):
    """A request that fails too often ends in the dead-letter queue, and stays there long enough to be read."""
    platform = dev()
    queue, dead = platform.queue, platform.dead_letter
    if queue["dead_letters_to"] != dead["arn"]:
        fail(
            "failed requests do not go to the dead-letter queue",
            observed=queue["dead_letters_to"] or "no redrive policy",
            expected=dead["arn"],
        )
    assert 1 <= queue["attempts"] <= 10, (
        f"a request is tried {queue['attempts']} times before it is set aside; the contract allows 1 to 10"
    )
    if dead["retention_s"] < 1_209_600:
        fail(
            "dead letters are forgotten too soon",
            observed=f"after {dead['retention_s'] / 86400:g} days",
            expected="14 days, the longest that SQS keeps a message",
        )


@check(
    points=2,
    after=("bucket", "retraining_queue"),
    timeout=LONG,
    hint="Take the inputs one by one: which line of the module reads it?",
)
def check_inputs_take_effect(module_applied):
    """The module, used alone and with other values, makes what they say."""
    tried = module_applied()
    for step in ("init", "apply"):
        assert tried.visit[step].ok, (
            f"your module, used for staging and {tried.other} by us: `terraform {step}` fails: {tried.visit[step].problem()}"
        )
    missing = tried.platform.missing()
    assert not missing, f"with environment = staging, the cloud lacks {', '.join(missing)}"
    for name, observed in (
        ("model_retention_days", min(tried.platform.bucket["replaced_days"], default=None)),
        ("retraining_attempts", tried.platform.queue["attempts"]),
    ):
        if observed != tried.asked[name]:
            fail(f"{name} = {tried.asked[name]} does not come about", observed=observed, expected=tried.asked[name])
    owner = tried.asked["owner"]
    for part, found in tried.platform.parts().items():
        # No tag at all is right where the learner's providers set it (default_tags): ours does not.
        if found["tags"].get("Owner", owner) != owner:
            fail(
                f"{tried.platform.names[part]} does not have the input owner as its tag Owner",
                observed=found["tags"].get("Owner"),
                expected=owner,
            )
    assert tried.destroy, f"with environment = {tried.other} and protect_models = true, there is no bucket for models"
    assert tried.kept, f"{tried.other} with protect_models = true: `terraform destroy` took the bucket's models along"
    if not tried.taken:
        fail(
            "staging with protect_models = false: `terraform destroy` leaves the bucket with its models",
            observed=tried.destroy.problem() if not tried.destroy.ok else "a destroy that says all went well",
            expected="no bucket",
        )


@check(
    points=2,
    after=MADE,
    timeout=LONG,
    hint="Think the alarm through with no message in the queue, with one, and with no data at all.",
)
def check_alarm(dev):
    """The alarm rings at the first dead letter, and is silent without one."""
    alarm = dev().alarm
    if alarm["expression"]:
        fail(
            "the alarm does not look at the number of messages, but at what an expression makes of it",
            observed=_first(alarm["expression"]),
            expected="the metric itself",
        )
    if alarm["metric"] != "AWS/SQS/ApproximateNumberOfMessagesVisible" or alarm["dimensions"] != {
        "QueueName": dev().dead_letter["name"]
    }:
        fail("the alarm does not watch the messages in the dead-letter queue", observed=f"{alarm['metric']} of {alarm['dimensions']}",
             expected=f"AWS/SQS/ApproximateNumberOfMessagesVisible of {dev().dead_letter['name']}")  # fmt: skip
    assert alarm["enabled"], "the alarm's actions are switched off"
    assert alarm["statistic"] != "SampleCount", (
        "the statistic SampleCount counts how often somebody looked, and not what there was"
    )
    assert alarm["unit"] == "Count", (
        f"the alarm looks for numbers in {alarm['unit']}; SQS counts its messages, so there is never such a number"
    )
    rings = {n: _rings(alarm["comparison"], n, alarm["threshold"]) for n in (0, 1, 5)}
    assert rings[1] and rings[5], (
        f"the alarm stays silent with a message in the dead-letter queue ({alarm['comparison']} {alarm['threshold']:g})"
    )
    assert not rings[0], f"the alarm rings with an empty queue ({alarm['comparison']} {alarm['threshold']:g})"
    assert alarm["missing_data"] != "breaching", "the alarm rings whenever there is no data: an unused queue sends none"


def _rings(comparison, value, threshold):
    return {
        "GreaterThanThreshold": value > threshold, "GreaterThanOrEqualToThreshold": value >= threshold,
        "LessThanThreshold": value < threshold, "LessThanOrEqualToThreshold": value <= threshold,
    }.get(comparison, False)  # fmt: skip


@check(
    points=2,
    after=MADE,
    timeout=LONG,
    hint="Four tags, on everything that can carry one. There is a way to write them once.",
)
def check_tagged(dev):
    """Everything carries the four tags."""
    for part, found in dev().parts().items():
        wanted = TAGS | {"Environment": "dev"}
        wrong = {key: found["tags"].get(key) for key, value in wanted.items() if found["tags"].get(key) != value}
        if wrong:
            fail(
                f"{dev().names[part]} is not tagged as the contract says",
                observed=wrong,
                expected={key: wanted[key] for key in wrong},
            )
        assert "@" in found["tags"].get("Owner", ""), f"{dev().names[part]} has no tag Owner with an e-mail address"


OUTPUTS = (
    "model_bucket",
    "registry_url",
    "live_version_parameter",
    "retraining_queue_url",
    "dead_letter_queue_url",
    "service_role_arn",
)


def _tell_where_things_are(environment, applied):
    outputs, platform = applied.state.get("outputs", {}), applied.platform
    missing = [name for name in (*OUTPUTS, "service_environment") if name not in outputs]
    assert not missing, f"{environment} has no output {missing[0]}; it has {', '.join(outputs) or 'none'}"
    is_queue = {"retraining_queue_url": platform.queue["name"], "dead_letter_queue_url": platform.dead_letter["name"]}
    truth = {
        "model_bucket": platform.bucket["name"], "registry_url": platform.repository["url"],
        "live_version_parameter": platform.parameter["name"], "service_role_arn": platform.role["arn"],
    }  # fmt: skip
    for name in OUTPUTS:
        value = outputs[name].get("value")
        right = str(value).endswith(f"/{is_queue[name]}") if name in is_queue else value == truth[name]
        if outputs[name].get("type") != "string" or not right:
            fail(
                f"{environment}: the output {name} is not what it is called",
                observed=value,
                expected=truth.get(name, f"the address of {is_queue.get(name)}"),
            )
    wanted = {"MODEL_BUCKET": truth["model_bucket"], "MODEL_VERSION_PARAMETER": truth["live_version_parameter"]}
    value = outputs["service_environment"].get("value")
    if not isinstance(value, dict) or any(value.get(key) != text for key, text in wanted.items()):
        fail(
            f"{environment}: the output service_environment lacks a variable, or has a wrong one",
            observed=value, expected=wanted,
        )  # fmt: skip


@check(
    points=2,
    after=("state_is_shared",),
    timeout=LONG,
    hint="Whoever deploys the service asks your outputs, not the console.",
)
def check_outputs_tell(dev_applied):
    """The outputs of dev tell where things are."""
    _tell_where_things_are("dev", dev_applied())


# --- rights ---------------------------------------------------------------------------------------------------------------


def _own(platform):
    bucket = platform.bucket["arn"]
    return {"bucket": bucket, "model": f"{bucket}/models/2025-03-01/model.skops", "parameter": platform.parameter["arn"],
            "repository": platform.repository["arn"], "*": "*"}  # fmt: skip


@check(points=2, after=MADE, timeout=LONG, hint="Follow the service as it starts: what does it pull, list, read?")
@each_case((
    SimpleCase("read-model", "read a model", ("s3:GetObject", "model")), SimpleCase("list-models", "list models", ("s3:ListBucket", "bucket")),
    SimpleCase("read-version", "ask which version is live", ("ssm:GetParameter", "parameter")),
    SimpleCase("log-in", "log in to the registry", ("ecr:GetAuthorizationToken", "*")),
    SimpleCase("pull-image", "pull its image", ("ecr:BatchGetImage", "repository")),
    SimpleCase("pull-layers", "pull its image's layers", ("ecr:GetDownloadUrlForLayer", "repository")),
    SimpleCase("take-role", "take its role, as a container task of ECS", ()),
))  # fmt: skip
def check_role_may(case, dev, rights):
    """The service may {case.title}."""
    platform = dev()
    if not case.value:
        assert rights.trusted(platform.role["trust"], "Service", "ecs-tasks.amazonaws.com"), (
            "the role's trust policy does not let ecs-tasks.amazonaws.com take it"
        )
        return
    action, thing = case.value
    resource = _own(platform)[thing]
    assert rights.allowed(platform, action, resource), f"the role's policies do not allow {action} on {resource}"


@check(
    points=4,
    after=("role_may", "tagged"),
    timeout=LONG,
    hint="For each statement: name a call that it allows and that the service never makes.",
)
@each_case((
    SimpleCase("overwrite-model", "overwrite a model", ("s3:PutObject", "model")), SimpleCase("delete-model", "delete a model", ("s3:DeleteObject", "model")),
    SimpleCase("delete-old-version", "delete an old version of a model", ("s3:DeleteObjectVersion", "model")),
    SimpleCase("make-live", "make another version live", ("ssm:PutParameter", "parameter")),
    SimpleCase("read-prod", "read prod's models from dev", ("s3:GetObject", "arn:aws:s3:::flight-delay-prod-models/models/a")),
    SimpleCase("read-state", "read Terraform's state", ("s3:GetObject", "arn:aws:s3:::flight-delay-terraform-state/dev/terraform.tfstate")),
    SimpleCase("read-secret", "read a parameter beside its own",
               ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/flight-delay/dev/database-password")),
    SimpleCase("push-image", "push an image", ("ecr:PutImage", "repository")),
    SimpleCase("anyone", "be impersonated by a person, another service or another account", ()),
    SimpleCase("anything-else", "make any other call that AWS knows", ()),
))  # fmt: skip
def check_role_may_not(case, dev, rights):
    """The service may not {case.title}."""
    platform = dev()
    if case.name == "anyone":
        let_in = rights.others_let_in(platform.role["trust"], "ecs-tasks.amazonaws.com")
        assert not let_in, f"the role's trust policy lets {let_in[0]} take it"
    elif case.name == "anything-else":
        found, tried = rights.excess(platform)
        if found:
            action, resource = found[0]
            fail(
                f"the role may also call {action} on {resource}",
                observed=f"{len(found):,} of {tried:,} calls too many",
                expected="none",
            )
    else:
        action, thing = case.value
        resource = _own(platform).get(thing, thing)
        assert not rights.allowed(platform, action, resource), f"the role's policies allow {action} on {resource}"


SECRET = re.compile(r'secret_(?:access_)?key"?\s*[=:]\s*"[A-Za-z0-9/+]{30,}"', re.IGNORECASE)


@check(points=2, after=MADE, timeout=LONG, hint="Search your files for a key. Where should a key come from instead?")
def check_no_credentials(dev_applied, prod_applied, submission, cloud, credentials, saved):
    """No credential is in code, plan, state or outputs."""
    applied = dev_applied()
    # Whatever came of prod: its calls were signed by then.
    prod_applied()
    others = cloud.access_keys() - {credentials[0]}
    assert not others, (
        f"calls to the cloud were signed with the key {sorted(others)[0]}, which is not the one of the environment: it is written somewhere in your configuration"
    )
    for name in submission.accepted:
        if found := re.search(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", submission.read(name)):
            fail(f"{name} holds an access key", observed=f"{found.group()[:8]}…", expected="no key in any file")
        if SECRET.search(submission.read(name)):
            fail(f"{name} holds a secret key, if only in a comment", expected="no key in any file")
    places = {
        "plan": saved.plan_text(applied.planned),
        "state": str(applied.state),
        "output": applied.visit["apply"].out,
    }
    for place, text in places.items():
        assert credentials[0] not in text and credentials[1] not in text, (
            f"the {place} of dev holds the credentials that Terraform was run with"
        )
    for resource in applied.state.get("resources", []):
        for instance in resource.get("instances", []):
            secret = [
                k
                for k in ("secret", "password", "private_key", "secret_key")
                if (instance.get("attributes") or {}).get(k)
            ]
            assert not secret, f"{resource['type']}.{resource['name']} puts a {secret[0]} into the state, in plain text"


# --- over time ------------------------------------------------------------------------------------------------------------


@check(
    points=3,
    after=("state_is_shared",),
    timeout=LONG,
    hint="What does the second plan want to change? It says so, attribute by attribute.",
)
def check_second_plan_empty(dev_again):
    """A second plan of dev, on another machine, finds nothing to do."""
    again = dev_again()
    assert again.init.ok, f"`terraform init` on another machine fails: {again.init.problem()}"
    assert again.plan.status in (0, 2), f"`terraform plan` on another machine fails: {again.plan.problem()}"
    if again.plan.status == 2:
        shown = "; ".join(str(change) for change in again.changes[:4]) or "a change of the outputs"
        fail(
            "a plan right after the apply is not empty",
            observed=f"{shown}{' …' if len(again.changes) > 4 else ''}",
            expected="No changes.",
        )


@check(points=4, after=("second_plan_empty", "bucket", "registry", "alarm", "tagged", "role_may"), timeout=LONG,
       hint="Terraform heals only what it manages. What of this is not in your configuration, or told to be ignored?")  # fmt: skip
@each_fault("drift")
def check_drift_healed(fault, dev_drifted, drifts):
    """It is seen and healed when {fault.title}."""
    drifted = dev_drifted()
    assert drifted.changes or not drifted.apply.ok, "`terraform plan` says that nothing changed"
    before, broken, after = (drifts.seen(fault.name, p) for p in (drifted.before, drifted.broken, drifted.after))
    if before == broken:
        fail("the judge found nothing to change here", expected="a part that the contract names")
    if not drifted.apply.ok:
        fail(f"`terraform apply` fails after changes behind its back: {drifted.apply.problem()}")
    if after != before:
        fail("the apply after it did not put this right", observed=_first(str(after)), expected=_first(str(before)))


@check(
    points=3,
    after=("second_plan_empty",),
    timeout=LONG,
    hint="Two writers, one value: who owns it after the first apply?",
)
def check_live_version_kept(dev_drifted, drifts):
    """The version that the delivery pipeline made live is not reverted."""
    drifted = dev_drifted()
    assert drifted.apply.ok, f"`terraform apply` fails after a deployment: {drifted.apply.problem()}"
    now = drifted.after.parameter
    assert now, "after a deployment and an apply, the parameter is gone"
    if now["value"] != drifts.DEPLOYED:
        fail(
            "terraform apply rolled the service back to another model",
            observed=now["value"],
            expected=f"{drifts.DEPLOYED}, as deployed",
        )


# --- production -----------------------------------------------------------------------------------------------------------


@check(
    points=4,
    after=("state_is_shared",),
    timeout=LONG,
    hint="Read prod's plan line by line before anything else. What does it say of the bucket?",
)
def check_old_bucket_survives(prod_applied, old_bucket):
    """Prod's bucket, made long ago under another address, is taken over with every model in it."""
    applied = prod_applied()
    for name in ("init", "plan"):
        assert applied.visit[name].ok, f"prod: `terraform {name}` fails: {applied.visit[name].problem()}"
    if address := old_bucket.deletes_bucket(applied.planned):
        fail(
            "the plan for prod destroys the bucket with the models",
            observed=f"{address} will be destroyed or replaced",
            expected="0 to destroy",
        )
    if not applied.visit["apply"].ok:
        fail(f"prod: `terraform apply` fails: {applied.visit['apply'].problem()}")
    lost = sorted(old_bucket.old_models() - applied.versions)
    assert not lost, f"after the apply, prod's bucket lacks {lost[0]}"
    known = [r for r in applied.state.get("resources", []) if r.get("type") == "aws_s3_bucket"]
    assert known, "after the apply, prod's state knows no bucket any more"
    missing = applied.platform.missing()
    assert not missing, f"prod: apply went through, but the cloud lacks {', '.join(missing)}"


@check(
    points=2,
    after=("old_bucket_survives",),
    timeout=LONG,
    hint="Same module, two sets of values. Compare what the contract allows to differ.",
)
def check_environments_differ_where_they_should(dev_applied, prod_applied, held):
    """Dev and prod are the same platform with the same outputs, but for names, tags and how long models are kept."""
    dev, prod = dev_applied().platform.neutral(), prod_applied().platform.neutral()
    for part, here in dev.items():
        for key, value in here.items():
            if value != prod[part][key]:
                fail(f"dev and prod differ in the {key.replace('_', ' ')} of the {part.replace('_', ' ')}",
                     observed=_first(f"dev: {value}; prod: {prod[part][key]}"), expected="the same in both")  # fmt: skip
    extra = [name for name in sorted(prod_applied().inventory) if "prod" not in name and "dev" not in name]
    assert not extra, f"{extra[0]} has no environment in its name: two environments would fight over it"
    _tell_where_things_are("prod", prod_applied())
    common = held.shared(dev_applied().state, prod_applied().state)
    assert not common, f"{common[0]} is the same thing in dev and in prod: whoever destroys one takes it from the other"


@check(
    points=2,
    after=("state_is_shared",),
    timeout=LONG,
    hint="Two people, one state: what keeps the second out until the first is done?",
)
def check_second_apply_refused(prod_applied, dev_applied):
    """While one apply of prod waits for its answer, a second one is refused."""
    visit = prod_applied().visit
    assert visit["plan"].ok, f"prod: `terraform plan` fails: {visit['plan'].problem()}"
    assert visit["first"].ok and "Enter a value" in visit["first"].out, (
        f"the first apply did not get as far as its question: {visit['first'].problem()}"
    )
    second = visit["second"]
    if second.ok:
        fail(
            "a second apply ran while the first one held a plan in its hand",
            observed=_last(second.out),
            expected="an error: the state is locked",
        )
    # Terraform takes the lock before it looks at anything else, so whatever else it did says that it had the lock.
    began = re.search(
        r"Refreshing state|Reading\.\.\.|used the selected providers|will perform|Creating\.\.\.", second.out
    )
    # The first error's own title, and not any text: a rule of the learner's can say what it likes below it.
    title = re.search(r"^\W*Error: (.+)", second.err, re.MULTILINE)
    if began or not title or not title[1].lower().startswith("error acquiring the state lock"):
        fail(
            "the second apply failed, but not because the state was locked",
            observed=second.problem(),
            expected="an error: the state is locked",
        )
    if not dev_applied().locked:
        fail(
            "prod's state is locked while it is worked on, and dev's is not: two people can apply dev at once",
            observed="the apply of dev left no trace of a lock in the bucket or the table",
            expected="a lock for both environments",
        )


@check(
    points=1,
    after=("second_apply_refused", "old_bucket_survives"),
    timeout=LONG,
    hint="What does a machine that dies leave behind, and who may clear it away?",
)
def check_killed_apply_resumes(prod_applied):
    """After the first machine died, its lock can be released and the apply goes through."""
    visit = prod_applied().visit
    assert visit["unlock"].ok, f"`terraform force-unlock` fails: {visit['unlock'].problem()}"
    assert visit["apply"].ok, f"the apply after it fails: {visit['apply'].problem()}"


@check(
    points=3,
    after=("old_bucket_survives",),
    timeout=LONG,
    hint="Destroy dev with a model in its bucket. What stays, and why?",
)
def check_dev_destroyed_whole(dev_destroyed):
    """Destroying dev leaves nothing of dev, and all of prod."""
    gone = dev_destroyed()
    left = sorted(name for name in gone.inventory if "prod" not in name)
    if left:
        fail(
            f"after `terraform destroy` of dev, {len(left)} things are still there",
            observed=", ".join(left[:5]),
            expected="nothing of dev",
        )
    assert gone.step.ok, f"`terraform destroy` of dev ends with an error: {gone.step.problem()}"
    prod = [name for name in gone.inventory if "prod" in name]
    assert len(prod) >= 7, (
        f"destroying dev took something of prod along; of prod there is only {', '.join(sorted(prod)) or 'nothing'}"
    )


@check(
    points=3,
    after=("old_bucket_survives",),
    timeout=LONG,
    hint="What does AWS do when asked to delete a bucket that is not empty, and what can talk it out of that?",
)
def check_prod_keeps_models(prod_destroyed, old_bucket):
    """Destroying prod is refused, as far as the models go."""
    gone = prod_destroyed()
    lost = sorted(old_bucket.old_models() - gone.models)
    if lost:
        fail(
            "after `terraform destroy` of prod, its models are gone",
            observed=f"{len(lost)} of {len(old_bucket.old_models())} models lost",
            expected="an error, and every model still there",
        )
    assert not gone.step.ok, "`terraform destroy` of prod says that all went well; it must be refused"


def _last(text):
    return _first(text.strip().rsplit("\n\n", 1)[-1])
