"""A tool that is not installed comes out of its makers' image, once."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox import program_image, tools

pytestmark = [pytest.mark.slow, pytest.mark.needs("docker")]
SCRIPT = b"#!/bin/sh\necho Terraform v1.11.4\n"


@pytest.fixture
def image() -> Iterator[str]:
    """An image with nothing in it but a program."""
    name = f"sandbox-test-{uuid4().hex[:8]}:1"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("bin/terraform")
        member.size, member.mode = len(SCRIPT), 0o755
        tar.addfile(member, io.BytesIO(SCRIPT))
    subprocess.run(["docker", "import", "-", name], input=archive.getvalue(), check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


def containers_of(image: str) -> str:
    listing = ["docker", "ps", "--all", "--quiet", "--filter", f"ancestor={image}"]
    return subprocess.run(listing, check=True, capture_output=True, text=True).stdout


def test_the_program_of_an_image_is_taken_out_once(image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tools.require("docker").argv[0]
    spec = tools.ToolSpec("terraform", ("no-such-program",), "", version=("version",), image=(image, "/bin/terraform"))
    monkeypatch.setattr(tools, "TOOLS", {**tools.TOOLS, "terraform": spec})
    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path))
    monkeypatch.delenv("SANDBOX_TOOL_TERRAFORM", raising=False)
    assert tools.find("terraform") is None, "asking alone takes nothing out"
    found = tools.require("terraform")
    assert (found.version, found.path.parent) == ("1.11.4", tmp_path / "tools")
    assert found.path.read_bytes() == SCRIPT
    assert containers_of(image) == ""
    monkeypatch.setenv("SANDBOX_TOOL_DOCKER", "none")
    assert tools.require("terraform") == found, "the second time needs no engine"
    monkeypatch.setenv("SANDBOX_TOOL_DOCKER", docker)
    monkeypatch.setenv("SANDBOX_TOOL_TERRAFORM", "none")
    with pytest.raises(tools.ToolMissing, match="hidden by SANDBOX_TOOL_TERRAFORM"):
        tools.require("terraform")


def test_an_image_without_the_program_leaves_nothing(image: str, tmp_path: Path) -> None:
    target = tmp_path / "tools" / "program"
    assert not program_image.take_out(tools.require("docker").argv, image, "/bin/tofu", target)
    assert not target.exists()
    assert containers_of(image) == ""
