"""The AWS provider: found once on this machine, shown read-only to every jail.

The provider is a program of hundreds of MB, so it is never copied: Terraform's filesystem mirror links to it.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sandbox.grading import Blocked

NAME = "hashicorp/aws"
VERSIONS = ">= 5.60, < 6.0"
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
HOW = (
    "Let Terraform fetch it once where there is a network: `terraform providers mirror FOLDER` in "
    "infra/modules/model-platform, then name that folder in the environment variable TF_PROVIDER_MIRROR."
)


def find_mirror(program: Path, cache: Path) -> Path:
    """The folder whose ``HOST/hashicorp/aws/VERSION/OS_ARCH`` holds the unpacked provider.

    Looked for in this order: ``TF_PROVIDER_MIRROR``, the user's own CLI configuration, the folders that Terraform
    searches by itself, the usual places for such mirrors, our own cache; else it is fetched from the registry into that.

    Args:
        program: terraform or tofu.
        cache: where a provider that had to be fetched or unpacked is kept.

    Raises:
        Blocked: it is nowhere, and could not be fetched.
    """
    host = host_of(program)
    packed: Path | None = None
    for folder in (*_named(), *_usual(host), cache):
        if programs(folder, host):
            return folder
        if any(_fits(path.name.split("_")[1]) for path in (folder / host / NAME).glob(f"*_{_platform()}.zip")):
            packed = packed or folder
    _fetch(program, cache, packed)
    return cache


def programs(mirror: Path, host: str) -> list[Path]:
    """The unpacked providers of a mirror that the contract allows, the one that Terraform would take (the newest) first."""
    found = [
        path
        for path in (mirror / host / NAME).glob(f"*/{_platform()}/terraform-provider-aws*")
        if _fits(path.parts[-3])
        and os.access(path, os.X_OK)
        # A jail sees the mirror only: a link that leads out of it leads nowhere there.
        and path.resolve().is_relative_to(mirror.resolve())
    ]
    return sorted(found, key=lambda path: _numbers(path.parts[-3]), reverse=True)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _fits(version: str) -> bool:
    """Whether a version is one of `VERSIONS`; no pre-release is."""
    return re.fullmatch(r"[\d.]+", version) is not None and (5, 60) <= _numbers(version) < (6,)


@functools.cache
def host_of(program: Path) -> str:
    """The registry in the provider's full name: the program's own default, so it is asked for it (nothing is fetched)."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text(
            'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
        )
        done = subprocess.run([program, "providers"], cwd=folder, capture_output=True, text=True, timeout=60)
    found = re.search(r"provider\[([^/\]]+)/hashicorp/aws\]", done.stdout)
    if found is None:
        raise Blocked(program.name, f"`{program.name} providers` does not name the AWS provider: {done.stderr[-300:]}")
    return found[1]


def _platform() -> str:
    return f"{platform.system().lower()}_{MACHINES.get(platform.machine().lower(), platform.machine().lower())}"


def _named() -> Iterator[Path]:
    if named := os.environ.get("TF_PROVIDER_MIRROR"):
        yield Path(named)
    for config in (os.environ.get("TF_CLI_CONFIG_FILE", ""), "~/.terraformrc", "~/.tofurc"):
        try:
            text = Path(config).expanduser().read_text("utf-8") if config else ""
        except (OSError, RuntimeError):
            continue
        for folder in re.findall(r'^\s*(?:path|plugin_cache_dir)\s*=\s*"([^"]+)"', text, re.MULTILINE):
            yield Path(os.path.expandvars(folder)).expanduser()
    if named := os.environ.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(named)


def _usual(host: str) -> Iterator[Path]:
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/nonexistent")
    yield from (
        home / ".terraform.d/plugins",
        home / ".terraform.d/plugin-cache",
        home / ".local/share/terraform/plugins",
    )
    for parent in ("/usr/local/share", "/usr/share", "/opt", "/srv", "/var/lib"):
        for pattern in (host, f"*/{host}", f"*/*/{host}"):
            try:
                yield from (found.parent for found in sorted(Path(parent).glob(pattern)))
            except OSError:
                continue


def _fetch(program: Path, cache: Path, packed: Path | None) -> None:
    """Let Terraform put the provider, unpacked, into ``cache``: from a mirror of archives, else from its registry."""
    cache.mkdir(parents=True, exist_ok=True)
    source = f'filesystem_mirror {{ path = "{packed}" }}' if packed else "direct {}"
    with tempfile.TemporaryDirectory(prefix="provider-") as folder:
        work = Path(folder)
        (work / "cli.rc").write_text(f"provider_installation {{\n  {source}\n}}\n", "utf-8")
        (work / "main.tf").write_text(
            f'terraform {{\n  required_providers {{\n    aws = {{ source = "hashicorp/aws", version = "{VERSIONS}" }}\n  }}\n}}\n',
            "utf-8",
        )
        env = dict(os.environ) | {
            "TF_CLI_CONFIG_FILE": str(work / "cli.rc"), "TF_PLUGIN_CACHE_DIR": str(cache), "CHECKPOINT_DISABLE": "1",
        }  # fmt: skip
        try:
            done = subprocess.run(
                [str(program), "init", "-no-color", "-input=false"],
                cwd=work,
                env=env,
                capture_output=True,
                text=True,
                timeout=600,
            )
        except subprocess.TimeoutExpired:
            raise Blocked("the AWS provider of Terraform", f"Fetching it took longer than ten minutes. {HOW}") from None
    if done.returncode:
        raise Blocked("the AWS provider of Terraform", HOW)
