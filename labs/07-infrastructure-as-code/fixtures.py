"""Fixtures of lab 07: the emulated cloud, the machines that Terraform runs on, and what happened there."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from judge import access, drift, estate, inventory, provider, suite
from judge.cloud import Cloud, Platform
from judge.machine import Machines, Step, fresh_credentials, terraform
from judge.seed import seed

import sandbox
from sandbox import tools
from sandbox.grading import Fault, fail
from sandbox.jail import Files, Jail, Limits, Service, ServiceDied, ServiceNotReady

JUDGE = Path(__file__).resolve().parent / "judge"
STACK = Path(sandbox.__file__).resolve().parent / "stack"
CLOUD_LIMITS = Limits(timeout_s=1900, cpu_s=1200, memory_mb=1500, processes=300)
STAGE_FIXTURES = tuple(stage for names in estate.Estate.ORDER.values() for stage in names)


@contextmanager
def serve_cloud(jail: Jail) -> Iterator[tuple[Service, str]]:
    """An emulated cloud in a jail of its own, and the word that opens the judge's door to it."""
    token = secrets.token_hex(16)
    argv = ["python", "-I", "cloud_server.py"]
    files = {"cloud_server.py": JUDGE / "cloud_server.py", "server.py": STACK / "cloud" / "server.py"}
    with serve_ours(jail, argv, files, {"CLOUD_TOKEN": token}) as service:
        yield service, token


@contextmanager
def serve_ours(jail: Jail, argv: list[str], files: Files, env: dict[str, str]) -> Iterator[Service]:
    """A service of the judge's own: where it does not come up, that is nobody's work."""
    with ExitStack() as stack:
        try:
            service = stack.enter_context(
                jail.serve(argv, files=files, env=env, limits=CLOUD_LIMITS, ready_timeout_s=300)
            )
        except (ServiceDied, ServiceNotReady) as error:
            raise RuntimeError(f"{argv[-1]} did not come up: {error}; {error.finished.stderr[-600:]}") from error
        yield service


@pytest.fixture(scope="session")
def program() -> Path:
    """Terraform, or OpenTofu."""
    return Path(tools.require("terraform").path).resolve()


@pytest.fixture(scope="session")
def make_machines(
    jail: Jail, program: Path, run_seed: int, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Service | None], Machines]:
    """Machines beside one cloud."""
    mirror = provider.find_mirror(program, Path.home() / ".cache" / "devops-ml-sandbox" / "terraform")
    plugin = provider.programs(mirror, provider.host_of(program))[0].relative_to(mirror)
    configuration = tmp_path_factory.mktemp("terraform") / "terraform.rc"
    configuration.write_text(
        'provider_installation {\n  filesystem_mirror {\n    path = "/plugins"\n  }\n}\ndisable_checkpoint = true\n',
        "utf-8",
    )
    key, secret = fresh_credentials(random.Random(f"{run_seed}:credentials"))

    def make(cloud: Service | None) -> Machines:
        return Machines(
            jail, program, mirror, plugin, JUDGE, configuration, cloud.sockets if cloud else None, key, secret
        )

    return make


@pytest.fixture(scope="session")
def site(
    jail: Jail, program: Path, make_machines: Any, submission: Any, run_seed: int, request: pytest.FixtureRequest
) -> Iterator[estate.Estate]:
    """Both environments. What the checks of this run will ask for is started at once, in the background."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    with ExitStack() as clouds:
        service, token = clouds.enter_context(serve_cloud(jail))
        cloud = Cloud(service, token)
        spare = None
        if "module_applied" in wanted:
            other, word = clouds.enter_context(serve_cloud(jail))
            spare = (make_machines(other), Cloud(other, word))
        seed(cloud.client, registry=provider.host_of(program))
        both = estate.Estate(
            make_machines(service),
            cloud,
            submission.path,
            spare,
            unusual_inputs(run_seed),
            frozenset(wanted & set(STAGE_FIXTURES)),
        )
        threads = both.prefetch()
        yield both
        if any(thread.is_alive() for thread in threads):
            # Nobody waits for what still runs: every check that needed it has been skipped.
            jail.close()
            for thread in threads:
                thread.join(timeout=20)


def unusual_inputs(run_seed: int) -> dict[str, Any]:
    """Inputs for the module that nobody has as a default."""
    rng = random.Random(f"{run_seed}:inputs")
    return {"environment": "staging", "owner": f"team-{rng.randint(100, 999)}@example.com",
            "model_retention_days": rng.randint(101, 362), "retraining_attempts": rng.choice([4, 6, 7, 8, 9])}  # fmt: skip


def _stage(name: str) -> Any:
    @pytest.fixture(scope="session", name=name)
    def stage(site: estate.Estate) -> Callable[[], Any]:
        """A stage of an environment; call it to wait for what came of it."""
        return lambda: site(name)

    return stage


dev_checked = _stage("dev_checked")
prod_checked = _stage("prod_checked")
dev_applied = _stage("dev_applied")
prod_applied = _stage("prod_applied")
module_applied = _stage("module_applied")
dev_again = _stage("dev_again")
prod_again = _stage("prod_again")
dev_drifted = _stage("dev_drifted")
prod_destroyed = _stage("prod_destroyed")
dev_destroyed = _stage("dev_destroyed")


@pytest.fixture(scope="session")
def dev(dev_applied: Callable[[], estate.Applied]) -> Callable[[], Platform]:
    """The dev environment as the cloud tells it."""
    return lambda: dev_applied().platform


@pytest.fixture(scope="session")
def formatting(make_machines: Any, submission: Any) -> Step:
    """``terraform fmt -check`` over all of the learner's files."""
    step = terraform("fmt", "fmt", "-check", "-recursive", "-no-color", "infra")
    visit = make_machines(None).visit(submission.path, [step])
    return visit["fmt"]


@pytest.fixture(scope="session")
def test_machines(jail: Jail, make_machines: Any) -> Iterator[Machines]:
    """Machines for tests: their cloud tells a provider who it is, and refuses everything else."""
    files = {"identity_server.py": JUDGE / "identity_server.py"}
    with serve_ours(jail, ["python", "-I", "identity_server.py"], files, {}) as service:
        yield make_machines(service)


@pytest.fixture(scope="session")
def inputs(site: estate.Estate, submission: Any) -> Callable[..., dict[str, suite.Input]]:
    """Plan the learner's module with several sets of inputs, beside the whole cloud: it may look things up there."""
    return lambda cases, defaults: suite.try_inputs(site.machines, submission.path, cases, defaults)


@pytest.fixture(scope="session")
def learner_tests(
    test_machines: Machines, submission: Any, run_seed: int, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., suite.SuiteRun]:
    """Run the learner's tests against one of our modules, with a fault in it or without."""

    def run(module: str, fault: Fault | None = None) -> suite.SuiteRun:
        if not any(path.name.endswith((".tftest.hcl", ".tftest.json")) for path in suite.tests_of(submission.path)):
            fail("there are no tests", expected=f"files *.tftest.hcl in {suite.MODULE}/tests")
        name = fault.name if fault else f"correct-{module}"
        target = tmp_path_factory.mktemp("module") / name
        rng = random.Random(f"{run_seed}:{name}")
        return suite.run_suite(
            test_machines, submission.path, suite.make_module(JUDGE / "modules" / module, target, rng, fault)
        )

    return run


@pytest.fixture(scope="session")
def rights() -> Any:
    """What a role may do (`judge.access`)."""
    return access


@pytest.fixture(scope="session")
def drifts() -> Any:
    """Changes behind Terraform's back (`judge.drift`)."""
    return drift


@pytest.fixture(scope="session")
def held() -> Any:
    """What the cloud and the states hold (`judge.inventory`)."""
    return inventory


@pytest.fixture(scope="session")
def cloud(site: estate.Estate) -> Cloud:
    """The judge's own view of the cloud."""
    return site.cloud


@pytest.fixture(scope="session")
def credentials(make_machines: Any) -> tuple[str, str]:
    """The access key and the secret that the learner's commands run with."""
    machines = make_machines(None)
    return machines.key, machines.secret


@pytest.fixture(scope="session")
def saved() -> Any:
    """What a saved plan holds (`judge.estate`)."""
    return estate


@pytest.fixture(scope="session")
def old_bucket() -> Any:
    """Prod's bucket and its models, from before (`judge.estate`)."""
    return estate
