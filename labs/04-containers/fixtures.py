"""What the checks of lab 04 stand on: the build context, the engine, the images of this run, the compose file."""

from __future__ import annotations

import random
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from judge import compose, context, dockerfile, image
from judge.engine import HURRIED, Build, Engine

from sandbox import tools
from sandbox.grading import Blocked, fail

# The checks are about the image; what stands here is a limit for a machine that does nothing else.
TMP = {"/tmp": "size=16m,mode=1777"}


@pytest.fixture(scope="session")
def dice(run_seed: int) -> random.Random:
    return random.Random(f"{run_seed}:containers")


@pytest.fixture(scope="session")
def clean(submission: Any, tmp_path_factory: Any, dice: random.Random) -> context.Context:
    """The build context: the submission, a model of this run, and the traps."""
    return context.make(submission.path, tmp_path_factory.mktemp("context") / "clean", dice)


@pytest.fixture(scope="session")
def dockerfile_text(submission: Any) -> Callable[[], str]:
    return lambda: submission.read("Dockerfile", max_bytes=100_000)


@pytest.fixture(scope="session")
def lint(lab: Any, dockerfile_text: Callable[[], str]) -> Callable[[], list[str]]:
    """What hadolint reports at the levels error and warning, a line each."""

    def ask() -> list[str]:
        done = subprocess.run(
            [tools.require("hadolint").argv[0], "--no-color", "--disable-ignore-pragma", "--failure-threshold", "warning",
             "--config", str(lab.folder / "judge/machine/hadolint.yaml"), "-"],
            input=dockerfile_text(), capture_output=True, text=True, errors="replace", timeout=60,
        )  # fmt: skip
        lines = [line.removeprefix("-:") for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        found = [
            f"line {line}"
            for line in lines
            if re.match(r"\d+(:\d+)? ", line) and not re.search(r" (info|style)\b", line)
        ]
        return found or ([] if done.returncode == 0 else lines[:3])

    return ask


@pytest.fixture(scope="session")
def bases(dockerfile_text: Callable[[], str]) -> Callable[[], list[str]]:
    """The images that the Dockerfile starts from or copies from."""
    return lambda: [source.image for source in dockerfile.sources(dockerfile_text())]


@pytest.fixture(scope="session")
def is_pinned() -> Callable[[str], bool]:
    return dockerfile.is_pinned


@pytest.fixture(scope="session")
def written(submission: Any) -> Callable[[], dict[str, str]]:
    """Texts that the learner wrote beside the Dockerfile and the compose file, and the list of packages, by path."""

    def read() -> dict[str, str]:
        found = {}
        for path in [submission.path / "requirements.txt", *sorted((submission.path / "docker").rglob("*"))]:
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(submission.path).as_posix()] = path.read_text("utf-8", "replace")
        return found

    return read


@pytest.fixture(scope="session")
def unpinned_packages(
    dockerfile_text: Callable[[], str], written: Callable[[], dict[str, str]]
) -> Callable[[], list[str]]:
    return lambda: dockerfile.unpinned_packages(dockerfile_text(), written())


@pytest.fixture(scope="session")
def own_tokens(dockerfile_text: Callable[[], str], written: Callable[[], dict[str, str]]) -> Callable[[], list[str]]:
    """Tokens that stand in the learner's files, such as that of the workspace's own `.env`, which the judge does not know."""
    return lambda: sorted(compose.tokens("\n".join([dockerfile_text(), *written().values()])))


@pytest.fixture(scope="session")
def last_stage(dockerfile_text: Callable[[], str]) -> Callable[[], set[str]]:
    return lambda: dockerfile.last_stage(dockerfile_text())


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The Docker engine; what this run makes in it is removed at the end."""
    found = Engine()
    try:
        yield found
    finally:
        found.close()


class Images:
    """The images that checks share: each built once, when it is first asked for."""

    def __init__(
        self, engine: Engine, clean: context.Context, folder: Path, dice: random.Random, texts: list[str]
    ) -> None:
        self.engine, self.clean, self.folder, self.dice = engine, clean, folder, dice
        self.texts = [clean.secret, *clean.marks.values(), *texts]
        self._lock = threading.Lock()
        self._built: dict[str, Build] = {}
        self._read: dict[str, image.Image] = {}
        self.status = self.pin = ""

    @property
    def first(self) -> str:
        """The image of the clean tree."""
        return self._tag("first", "the image cannot be built", lambda: self.clean.variant(self.folder / "first"))

    @property
    def with_other_source(self) -> str:
        """The same with one line of the service changed: the package index is out of reach."""

        def tree() -> Path:
            folder = self.clean.variant(self.folder / "source")
            self.status = context.change_source(folder, self.dice)
            return folder

        self.first  # noqa: B018  what was installed for it is what may be used again
        return self._tag("source", "with one line of service/app.py changed and no package index within reach, the build failed",
                         tree, index=False)  # fmt: skip

    @property
    def with_other_requirements(self) -> str:
        """The same with one more package in requirements.txt."""

        def tree() -> Path:
            folder = self.clean.variant(self.folder / "requirements")
            self.pin = context.change_requirements(folder, self.dice, installed)
            if not self.pin:
                fail("the image holds packages that neither the service nor anything else in it needs",
                     observed=", ".join(context.ADDED))  # fmt: skip
            return folder

        # An image that holds the package already would seem to follow.
        installed = self.read(self.first).distributions()
        return self._tag("requirements", "with one more package in requirements.txt, the build failed", tree)

    @property
    def again(self) -> str:
        """The clean tree once more, without anything of the first build."""
        return self._tag("again", "a second build of the same tree failed",
                         lambda: self.clean.variant(self.folder / "again"), cache=False)  # fmt: skip

    def installed_again(self) -> set[str]:
        """What was installed in the build with one changed line."""
        self.with_other_source  # noqa: B018  it is built by that
        return self.engine.brought_by_steps(self._built["source"])

    def read(self, tag: str) -> image.Image:
        """All layers of an image, searched for the traps."""
        with self._lock:
            if tag not in self._read:
                self._read[tag] = self.engine.save(tag, self.texts)
            return self._read[tag]

    def _tag(self, name: str, told: str, tree: Callable[[], Path], **how: Any) -> str:
        with self._lock:
            if name not in self._built:
                self._built[name] = self.engine.build(tree(), **how)
            built = self._built[name]
        if built.tag:
            return built.tag
        if refused := self.engine.gate_said("refused"):
            told += f". It asked for {', '.join(refused)}, and only the package index can be reached"
        elif unreachable := self.engine.gate_said("unreachable"):
            raise Blocked(f"the package index ({', '.join(unreachable)})", "The build needs it: connect to a network.")
        return fail(told, observed=built.end)


@pytest.fixture(scope="session")
def images(
    engine: Engine,
    clean: context.Context,
    tmp_path_factory: Any,
    dice: random.Random,
    own_tokens: Callable[[], list[str]],
) -> Images:
    return Images(engine, clean, tmp_path_factory.mktemp("builds"), dice, own_tokens())


@pytest.fixture(scope="session")
def reference_size(engine: Engine) -> Callable[[int], int]:
    """``reference_size(added)``: bytes of the image that the course would make: its base, and what is added to it."""
    return lambda added: engine.save(engine.base(dockerfile.STAND_IN)).size + added


@pytest.fixture(scope="session")
def hardened(dice: random.Random) -> dict[str, Any]:
    """Hardly any rights: nobody's user id, a root file system that cannot be written to, no capability."""
    number = dice.randrange(20_000, 60_000)
    return {
        "user": f"{number}:{number}", "read_only": True, "tmpfs": TMP, "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
    }  # fmt: skip


@pytest.fixture(scope="session")
def hurried() -> dict[str, Any]:
    """How often a health check is asked, whatever the image says."""
    return HURRIED


@pytest.fixture(scope="session")
def flights(dice: random.Random) -> list[dict[str, float]]:
    return [
        {"hour": dice.randrange(24), "distance": dice.randrange(100, 2500), "precip": round(dice.random(), 2),
         "wind_speed": round(dice.uniform(0, 30), 1)}
        for _ in range(4)
    ]  # fmt: skip


@pytest.fixture(scope="session")
def other_model(dice: random.Random) -> dict[str, Any]:
    """A model that is not the one in the image."""
    return context.random_model(dice)


@pytest.fixture(scope="session")
def traps() -> dict[str, str]:
    return context.TRAPS


@pytest.fixture(scope="session")
def needed() -> tuple[str, ...]:
    return context.NEEDED


@pytest.fixture(scope="session")
def pins(lab: Any) -> dict[str, str]:
    """The version of each package in the service's requirements."""
    lines = (lab.starter / "requirements.txt").read_text("utf-8").split()
    return {image.normal(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.fixture(scope="session")
def normal() -> Callable[[str], str]:
    return image.normal


@pytest.fixture(scope="session")
def run(engine: Engine) -> Callable[..., Any]:
    """``with run(tag, …) as container``: a container of this run."""
    return engine.container


@pytest.fixture(scope="session")
def zombies(engine: Engine) -> Callable[..., list[str]]:
    """``zombies(container, seconds)``: what has ended and is still there."""
    return engine.zombies


@pytest.fixture(scope="session")
def freeze(engine: Engine) -> Callable[..., None]:
    """``freeze(container)``: none of its processes does anything any more."""
    return engine.freeze


def _compose(text: str, clean: context.Context) -> dict[str, compose.Service]:
    """The services of a compose file as the clean context and its `.env` fill them in."""
    return compose.read(text, clean.path, {"MODEL_REGISTRY_TOKEN": clean.secret})


@pytest.fixture(scope="session")
def services(submission: Any, clean: context.Context) -> Callable[[], dict[str, compose.Service]]:
    """The services of compose.yaml; fails the check that asks where it cannot be read."""

    def read() -> dict[str, compose.Service]:
        text = submission.read("compose.yaml", max_bytes=100_000)
        try:
            return _compose(text, clean)
        except compose.NotCompose as error:
            fail("compose.yaml is not a file that Compose would take", observed=str(error))

    return read


@pytest.fixture(scope="session")
def dangers(
    submission: Any, services: Callable[[], dict[str, compose.Service]], clean: context.Context
) -> Callable[[], list[str]]:
    return lambda: compose.dangers(
        services().values(), clean.secret, submission.read("compose.yaml", max_bytes=100_000)
    )


@pytest.fixture(scope="session")
def as_compose_says(
    services: Callable[[], dict[str, compose.Service]], engine: Engine, images: Images, clean: context.Context
) -> Callable[..., Any]:
    """``with as_compose_says("api") as container``: the image, started with what the file says and may say.

    Variables that are given as well stand above those of the file.
    """

    def start(name: str, **environment: str) -> Any:
        options = compose.settings(services()[name])
        if files := compose.mounted_files(services()[name], clean.path):
            # Nothing can be copied to where nothing can be written.
            options |= {"files": files, "read_only": False}
        options["environment"] |= environment
        health = {**HURRIED, **options.pop("healthcheck", {})}
        return engine.container(images.first, name=name, healthcheck=health, **options)

    return start


@pytest.fixture(scope="session")
def as_asked_for(submission: Any, clean: context.Context) -> Callable[[], dict[str, Any]]:
    """With a process 1 of the engine's own, where compose.yaml asks for one for api."""

    def ask() -> dict[str, Any]:
        path = submission.path / "compose.yaml"
        if not path.is_file():
            return {}
        try:
            text = path.read_text("utf-8", "replace")
            api = _compose(text, clean).get("api")
        except compose.NotCompose:
            return {}
        return {"init": True} if api is not None and api.table.get("init") is True else {}

    return ask
