"""The checks of lab 04: the learner's image, built and run under stress, and the compose file, read as data."""

import json
import random
import re
import threading
import time

from sandbox.grading import SimpleCase, check, each_case, fail, needs

# The build of a whole image, and what is done with it, on a machine that is busy with something else.
LONG = 1500
# Bytes that the reference solution adds to the base image; the solution's own grade tells when it no longer holds.
REFERENCE_ADDS = 12_000_000
MOST_TIMES = 1.3
ENDS_WITHIN_S = 10
# The service takes 20 ms a flight.
SLOW_FLIGHTS = 120
SLOW_S = 0.02 * SLOW_FLIGHTS


@check(points=1, hint="Each line of the message begins with a line number and the name of a rule.")
def check_dockerfile_is_sound(lint):
    """hadolint finds neither an error nor a warning in your Dockerfile."""
    if found := lint():
        fail(f"hadolint reports {len(found)} errors and warnings", observed="\n".join(found[:8]))


@check(points=1, hint="Which bytes will this line of the Dockerfile stand for in a year?")
def check_everything_is_pinned(bases, is_pinned, unpinned_packages):
    """Every image that the Dockerfile starts from and every package that it names is pinned."""
    found = bases()
    assert found, "the Dockerfile starts from no image: it has no line FROM that names one"
    if loose := [image for image in found if not is_pinned(image)]:
        fail("an image can become another one under the same name", observed=", ".join(loose),
             expected="a digest, a full version, or a version and the release of the system")  # fmt: skip
    if loose := unpinned_packages():
        fail("a package can become another one under the same name", observed=", ".join(loose), expected="a version")


CONTEXT = (
    SimpleCase("secret", "the secret in .env", ".env"),
    SimpleCase("history", "the folder .git", ".git"),
    SimpleCase("junk", "50 MB of raw data", "data"),
)


@check(points=2, hint="Docker does not read .gitignore.")
@each_case(CONTEXT)
def check_context_is_clean(case, clean, needed):
    """The build context leaves out {case.title}."""
    sent = clean.sent()
    if left := sorted(name for name in sent if name == case.value or name.startswith(f"{case.value}/")):
        fail(f"{len(left)} file{'s' * (len(left) > 1)} of it go to the build", observed=", ".join(left[:3]))
    if missing := [name for name in needed if name not in sent]:
        fail("the build lacks files that the service needs", observed=f"left out: {', '.join(missing)}")


@check(
    points=4,
    hint="Build it in your workspace with `docker build .`, then run it and ask it from outside.",
    timeout=LONG,
)
@needs("docker")
def check_builds(images, run, clean, flights):
    """The image builds with no network but the package index, and a container of it answers predictions."""
    with run(images.first) as container:
        container.must_be_ready("docker run")
        container.must_predict(clean.model, flights, "docker run")


@check(points=3, after="builds", timeout=LONG,
       hint="Who owns the files, who may read them, and what does the service write where?")  # fmt: skip
def check_runs_hardened(images, run, clean, flights, hardened):
    """It runs as any user, read-only, without a capability or a new privilege, in 256 MB."""
    how = f"as user {hardened['user']}, read-only, without capabilities"
    with run(images.first, **hardened) as container:
        container.must_be_ready(how)
        container.must_predict(clean.model, flights, how)


@check(points=1, after="builds", timeout=LONG, hint="Without a word about it, a container's user is root.")
def check_is_not_root(images, run):
    """Started without any option, no process in the container belongs to root."""
    with run(images.first) as container:
        container.must_be_ready("docker run")
        roots = [process["args"] for process in container.processes() if process["uid"] in ("0", "root")]
        if roots:
            fail("a process runs as root", observed="; ".join(roots)[:300], expected="another user in the image itself")


# So long may a health check wait for the answer of a service that stands still.
STUCK_S = 10
HEALTH = (
    SimpleCase("serves", "healthy with a model that answers"),
    SimpleCase("missing", "unhealthy, or ended with an error, when the model file is missing"),
    SimpleCase("damaged", "unhealthy, or ended with an error, when the model file is damaged"),
    SimpleCase("mute", "unhealthy, or ended with an error, when the model is loaded and cannot answer"),
    SimpleCase("stuck", "unhealthy when the service answers nobody any more, though its model is there"),
)


@check(points=4, after="builds", timeout=LONG, hint="Which of the service's paths knows whether the model answers?")
@each_case(HEALTH)
def check_health_is_told(case, images, run, other_model, clean, flights, hurried, freeze):
    """It becomes {case.title}."""
    rng = random.Random(f"{clean.secret}{case.name}")
    path = f"/models-{rng.randrange(10**6)}/model.json"
    mute = {**other_model, "intercept": -1000.0}
    environment = {"MODEL_PATH": path}
    how = {**hurried, "timeout": STUCK_S * 10**9} if case.name == "stuck" else hurried
    # At this very path it is healthy with a good model: saying that all is ill is no health check either.
    with run(
        images.first, environment=environment, files={path: json.dumps(other_model)}, healthcheck=how
    ) as container:
        seen = container.wait_health()
        if seen == "none":
            fail("the image has no health check", expected="HEALTHCHECK in the Dockerfile")
        if seen != "healthy":
            fail(f"with MODEL_PATH={path} and a good model there, the container is {seen}",
                 observed=container.probe_said() or container.logs())  # fmt: skip
        if case.name == "serves":
            container.must_predict(other_model, flights, f"with MODEL_PATH={path}")
            return
        if case.name == "stuck":
            freeze(container)
            if not container.wait_ill(4 * STUCK_S):
                fail(f"every process of the service was stopped (SIGSTOP) {4 * STUCK_S} s ago, and the container is healthy",
                     expected="unhealthy: nobody gets an answer")  # fmt: skip
            return
    text = {"damaged": json.dumps(other_model)[:-40], "mute": json.dumps(mute)}
    files = {path: text[case.name]} if case.name in text else {}
    with run(images.first, environment=environment, files=files, healthcheck=hurried) as container:
        seen = container.wait_health()
        if seen in ("ended 0", "healthy", "undecided"):
            fail(f"with MODEL_PATH={path}, the container is {seen}", expected="unhealthy, or an exit status above 0")


@check(
    points=3,
    after="builds",
    timeout=LONG,
    hint="Which process is number 1 in your container, and does SIGTERM reach the service?",
)
def check_stops_in_order(images, run, as_asked_for, flights):
    """SIGTERM in the middle of a slow request: it is answered, and the container ends with status 0 within 10 s."""
    with run(images.first, **as_asked_for()) as container:
        container.must_be_ready("docker run")
        must_end_in_order(container, flights, "SIGTERM", "SIGTERM was sent to process 1")
        other = container.stop_signal
    if other != "SIGTERM":
        with run(images.first, **as_asked_for()) as container:
            container.must_be_ready("docker run")
            must_end_in_order(container, flights, other, f"{other}, which `docker stop` sends, was sent to process 1")


def must_end_in_order(container, flights, signal, told):
    """Fail the check where a signal in the middle of a slow request cuts it off, or the container does not end well."""
    many = [flights[n % len(flights)] for n in range(SLOW_FLIGHTS)]
    answers = []

    def ask():
        began = time.monotonic()
        try:
            answers.append((*container.post("/predict/batch", many), time.monotonic() - began))
        except Exception as error:
            answers.append((0, type(error).__name__, 0.0))

    client = threading.Thread(target=ask)
    client.start()
    while client.is_alive() and (container.get("/healthz") or {}).get("in_flight") != 1:
        time.sleep(0.02)
    if not client.is_alive():
        fail("POST /predict/batch was over before /healthz told of a request in flight", observed=str(answers)[:300])
    sent = time.monotonic()
    container.container.kill(signal)
    ended = container.wait_end(4 * ENDS_WITHIN_S)
    took = time.monotonic() - sent
    if not ended:
        container.container.kill("SIGKILL")
    client.join(timeout=60)
    status, body, lasted = answers[0] if answers else (0, "no answer", 0.0)
    if not ended:
        fail(f"{told}, and the container still runs {4 * ENDS_WITHIN_S} s later",
             observed="; ".join(p["args"] for p in container.processes())[:300] if container.state["Running"] else "")  # fmt: skip
    if status != 200 or len((body or {}).get("probabilities", ())) != len(many):
        fail(f"{told}, and the request that was under way got no whole answer",
             observed=f"{status or ''} {str(body)[:200]}".strip(), expected="200 and a probability for each flight")  # fmt: skip
    exit_status = container.state["ExitCode"]
    assert exit_status == 0, (
        f"{told}, and the container ended with status {exit_status}, not 0: it was killed, or said that something failed"
    )
    # On a machine where 2.4 seconds of work take longer, everything may.
    if took > max(ENDS_WITHIN_S, 4 * lasted):
        fail(f"{told}, and the container took too long to end", observed=f"{took:.1f} s", expected=f"at most {ENDS_WITHIN_S} s")  # fmt: skip


@check(points=2, after="builds", timeout=LONG,
       hint="A process whose parent is gone becomes a child of process 1. What does yours do when such a child ends?")  # fmt: skip
def check_reaps(images, run, as_asked_for, flights, zombies):
    """Process 1 reaps: orphans that have ended do not stay as zombies."""
    with run(images.first, **as_asked_for()) as container:
        container.must_be_ready("docker run")
        for number in range(1, 4):
            status, _ = container.post("/predict/batch", flights[:number])
            assert status == 200, f"POST /predict/batch answers with status {status}"
        deadline = time.monotonic() + 60
        while len(re.findall(r"audit: \d+ flights", container.logs("all"))) < 3:
            assert time.monotonic() < deadline, "the lines that service.audit prints do not come out in `docker logs`"
            time.sleep(0.2)
        # Its last act was to print. A reaper is quick; only what stays is a zombie.
        if found := [line for line in zombies(container, 20) if line]:
            fail(f"{len(found)} processes that ended long ago are still there after 3 batches (Z: a zombie)",
                 observed="; ".join(found), expected="none")  # fmt: skip
        assert container.state["Running"], "the container ended while it had nothing to do"


HOLDS = (
    SimpleCase("secret", "the secret of .env", ".env"),
    SimpleCase("history", "nothing of .git", ".git"),
    SimpleCase("junk", "nothing of the raw data", "data"),
    SimpleCase("tests", "none of the project's tests", "tests"),
    SimpleCase("compiler", "no compiler", ""),
)


@check(points=4, after="builds", timeout=LONG, hint="A layer keeps what a later layer deletes.")
@each_case(HOLDS)
def check_image_holds_nothing_else(case, images, clean, own_tokens):
    """No layer of the image and no line of its history holds what has no place there: {case.title}."""
    image = images.read(images.first)
    if case.name == "compiler":
        found = image.compilers()
    else:
        found = [
            place
            for text in (clean.marks[case.value], *[clean.secret, *own_tokens()] * (case.name == "secret"))
            for place in image.places(text)
        ]
    if found:
        fail(f"{len(found)} places in the image hold it", observed=", ".join(sorted(set(found))[:4]))


@check(points=1, after="builds", timeout=LONG, hint="`docker history` shows what each line of the Dockerfile added.")
@each_case((SimpleCase("size", "size"),))
def check_image_is_small(case, images, reference_size):
    """The image is at most 1.3 times as large as the reference solution's ({case.title})."""
    size, most = images.read(images.first).size, MOST_TIMES * reference_size(REFERENCE_ADDS)
    told = f"{size / 1e6:.0f} MB in all layers, at most {most / 1e6:.0f} MB"
    assert size <= most, f"the image is large: {told}"
    return told


LABELS = {
    "title": r".*\S.*",
    "version": r".*\d.*",
    "source": r"(https?|ssh|git)://\S+|git@\S+",
}


@check(points=1, after="builds", timeout=LONG, hint="The names of the labels are in the contract.")
def check_image_is_labelled(images):
    """The image says what it is, with labels of the OCI image specification."""
    labels = images.read(images.first).labels
    bad = {name: labels.get(f"org.opencontainers.image.{name}") for name, form in LABELS.items()
           if not re.fullmatch(form, labels.get(f"org.opencontainers.image.{name}", ""))}  # fmt: skip
    if bad:
        fail("labels are missing, or say nothing", observed=", ".join(f"{k}: {v or 'missing'}" for k, v in bad.items()),
             expected="org.opencontainers.image.title, .version (with a digit) and .source (an address)")  # fmt: skip


@check(
    points=2,
    after="builds",
    timeout=LONG,
    hint="A line of a Dockerfile is run again when anything above it has changed.",
)
def check_source_change_keeps_packages(images, run, pins):
    """A changed line of the service is in the next image, and no package was installed again for it."""
    tag = images.with_other_source
    with run(tag) as container:
        container.must_be_ready("docker run of the image with a changed line")
        said = (container.get("/healthz") or {}).get("status")
        assert said == images.status, (
            f"the new image still runs the old line: /healthz says {said!r}, not {images.status!r}"
        )
    if again := sorted(images.installed_again() & pins.keys()):
        fail("packages were installed again, though requirements.txt is the same", observed=", ".join(again))


@check(
    points=2,
    after="builds",
    timeout=LONG,
    hint="Who says which packages are installed: requirements.txt or the Dockerfile?",
)
def check_requirements_are_installed(images, pins, normal):
    """The image holds what requirements.txt says, in these versions, and follows when it changes."""
    installed = images.read(images.first).distributions()
    wrong = {name: installed.get(name) for name, version in pins.items() if installed.get(name) != version}
    if wrong:
        name, version = next(iter(wrong.items()))
        fail("the image does not hold the packages of requirements.txt", observed=f"{name} {version or 'is missing'}",
             expected=f"{name} {pins[name]}")  # fmt: skip
    there = images.read(images.with_other_requirements).distributions()
    name, _, version = images.pin.partition("==")
    if there.get(normal(name)) != version:
        fail(f"a package was added to requirements.txt ({images.pin}), and the next image does not hold it",
             observed=there.get(normal(name), "missing"), expected=version)  # fmt: skip


@check(points=2, after="builds", timeout=LONG, hint="What in the build depends on when or where it runs?")
def check_builds_repeat(images):
    """Two builds of the same tree give the same files."""
    if names := images.read(images.first).differences(images.read(images.again)):
        fail(f"{len(names)} files are not the same in a second build", observed=", ".join(names[:5]))


@check(points=1, hint="The message names the place in the file.")
def check_compose_is_valid(services, last_stage):
    """compose.yaml fits the schema of Compose and has the services `api` and `smoke`."""
    found = services()
    if missing := {"api", "smoke"} - found.keys():
        fail(
            f"there is no service {' and no service '.join(sorted(missing))}",
            observed=f"services: {', '.join(found) or 'none'}",
        )
    api, smoke = found["api"].table, found["smoke"].table
    assert "build" in api, "the service api is not built from this folder: it has no `build`"
    for service in (found["api"], found["smoke"]):
        if service.elsewhere:
            fail(
                f"the service {service.name} is not built from the Dockerfile of this folder",
                observed=service.elsewhere,
            )
        target = service.target
        if target and target not in (stages := last_stage()):
            fail(f"the service {service.name} is not built to the last stage of the Dockerfile",
                 observed=f"target: {target}", expected=" or ".join(sorted(stages)))  # fmt: skip
    if "build" not in smoke and "image" not in smoke:
        fail("the service smoke has neither `image` nor `build`: Compose does not know what to start",
             expected="the image of api, by the name that `image` gives it there")  # fmt: skip
    if "build" not in smoke and smoke.get("image") != api.get("image"):
        fail(
            "the service smoke runs another image than api", observed=smoke.get("image"), expected=str(api.get("image"))
        )


@check(
    points=2, after="compose_is_valid", hint="What in the file reaches out of the container, and who could reach in?"
)
def check_compose_is_safe(dangers, services):
    """Nothing in compose.yaml shares the host, and ports are published on loopback only."""
    if found := dangers():
        fail("something reaches out of a container, or lets somebody in", observed="; ".join(found))
    ports = services()["api"].ports
    assert any(port.target == "8000" for port in ports), "the service api publishes no port 8000: nobody can ask it"


@check(
    points=2,
    after="compose_is_valid",
    hint="What happens to the machine, and to the service, when a request makes it leak memory?",
)
def check_compose_has_limits(services):
    """The service api has limits on memory and CPU, and comes back when it dies."""
    api, smoke = services()["api"], services()["smoke"]
    assert api.memory, "api has no limit on its memory"
    assert api.memory <= 256 << 20, f"api may use {api.memory >> 20} MB of memory; it needs no more than 256 MB"
    assert api.cpus, "api has no limit on CPUs"
    if api.restart not in ("always", "unless-stopped", "on-failure"):
        fail("api stays down when it dies", observed=f"restart: {api.restart or 'nothing is said'}")
    if smoke.restart in ("always", "unless-stopped"):
        fail("smoke is meant to end, and would be started again for ever", observed=f"restart: {smoke.restart}")


@check(points=2, after="compose_is_valid", hint="Started is not healthy.")
def check_compose_waits_for_health(services):
    """The service smoke starts once api is healthy, and api is configured by its environment."""
    condition = services()["smoke"].waits_for("api")
    if condition != "service_healthy":
        fail("smoke does not wait until api is healthy", observed=f"depends_on: {condition or 'nothing'}")
    if "MODEL_PATH" not in services()["api"].environment:
        fail(
            "the environment of api does not say where the model is",
            observed=sorted(services()["api"].environment),
            expected="MODEL_PATH",
        )


# The page says a minute.
SMOKE_S = 120


@check(points=3, after=("builds", "compose_waits_for_health"), timeout=LONG,
       hint="Start both by hand and look at the exit status of smoke, once with api and once without.")  # fmt: skip
def check_compose_runs(as_compose_says, services, flights):
    """Started as compose.yaml says, api becomes healthy and smoke ends with 0; without api it ends with an error."""
    asked = services()
    if not asked["api"].networks & asked["smoke"].networks:
        fail("api and smoke share no network, so smoke finds nobody by the name api",
             observed="; ".join(f"{name}: {_networks(asked[name])}" for name in ("api", "smoke")))  # fmt: skip
    if asked["api"].grace_s < SLOW_S:
        fail(f"Compose kills api before a request of {SLOW_S:g} s has its answer",
             observed=f"stop_grace_period: {asked['api'].table['stop_grace_period']}")  # fmt: skip
    with as_compose_says("api") as api:
        seen = api.wait_health()
        if seen != "healthy":
            fail(f"with the settings of compose.yaml, api is {seen}", observed=api.probe_said() or api.logs())
        with as_compose_says("smoke") as smoke:
            assert smoke.wait_end(SMOKE_S), f"api is healthy, and smoke has not ended after {SMOKE_S} s"
            status = smoke.state["ExitCode"]
            if status != 0:
                fail(f"api is healthy, and smoke ends with status {status}", observed=smoke.logs())
        signal = api.stop_signal
        must_end_in_order(api, flights, signal, f"{signal}, by which Compose ends api, was sent to its process 1")
    with as_compose_says("smoke") as alone:
        assert alone.wait_end(SMOKE_S), f"there is no api, and smoke has not ended after {SMOKE_S} s"
        if alone.state["ExitCode"] == 0:
            fail(
                "there is no api, and smoke ends with status 0 all the same: it asks for nothing", observed=alone.logs()
            )
    # The judge's model is missing here, so the service answers, and is not ready.
    with as_compose_says("api", MODEL_PATH="/nowhere/model.json") as ill:
        seen = ill.wait_health()
        if seen == "healthy":
            fail("with MODEL_PATH=/nowhere/model.json in its environment, api is healthy",
                 expected="unhealthy, or an exit status above 0, as for the image")  # fmt: skip
        if ill.state["Running"]:
            with as_compose_says("smoke") as smoke:
                assert smoke.wait_end(SMOKE_S), f"api has no model, and smoke has not ended after {SMOKE_S} s"
                if smoke.state["ExitCode"] == 0:
                    fail("api runs and is not ready (it has no model), and smoke ends with status 0 all the same",
                         observed=smoke.logs())  # fmt: skip


def _networks(service):
    return str(service.table.get("network_mode") or ", ".join(service.table.get("networks") or ("default",)))
