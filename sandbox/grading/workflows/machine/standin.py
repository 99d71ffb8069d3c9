"""What the local actions do, in place of the originals: checkout, setup-python, upload-artifact, download-artifact.

It runs inside the jail, as one step of a job, with the course's interpreter. `drive.py` laid out the folders that the
environment names: STANDIN_HOME is the machine's own folder, STANDIN_ORIGIN the repository, STANDIN_ARTIFACTS the store.
"""

from __future__ import annotations

import fcntl
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

MACHINE = Path(__file__).resolve().parent


def stop(message: str) -> NoReturn:
    print(f"::error::{message}")
    sys.exit(1)


def given(name: str) -> str:
    return os.environ.get(f"STANDIN_{name}", "").strip()


def output(name: str, value: str) -> None:
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")


def workspace(path: str) -> Path:
    """A path in the job's workspace; a leading `~` is the home folder, as the originals read it."""
    expanded = os.path.expanduser(path)
    return Path(os.environ["GITHUB_WORKSPACE"], expanded)


def job_folder() -> Path:
    """The folder that the runner made for this job alone."""
    return Path(os.environ["RUNNER_TEMP"]).parent


def fresh_machine() -> None:
    """Empty the home folder and the folder for temporary files when a job begins.

    GitHub gives every job a machine of its own; here all jobs of a run share one. Jobs that run side by side (the legs
    of a matrix) must not empty each other's, so the first of them does it for all.
    """
    if os.environ.get("STANDIN_FRESH") != "1":
        return
    home, mark = Path(os.environ["STANDIN_HOME"]), ".begun"
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (job_folder() / mark).exists():
            return
        others = [path for path in job_folder().parent.glob(f"*/{mark}") if path.parent != job_folder()]
        if not others:
            for folder in (Path(os.environ["HOME"]), Path(os.environ["STANDIN_TEMPORARY"])):
                for entry in folder.iterdir():
                    shutil.rmtree(
                        entry, ignore_errors=True
                    ) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        (job_folder() / mark).touch()


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    if done.returncode:
        stop(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def checkout() -> None:
    repository, ref, depth = given("REPOSITORY"), given("REF"), given("DEPTH") or "1"
    if repository != os.environ["GITHUB_REPOSITORY"]:
        stop(f"this machine has no network: {repository} cannot be fetched, only {os.environ['GITHUB_REPOSITORY']}")
    if not depth.isdigit():
        stop(f"fetch-depth must be a number, not {depth!r}")
    target, origin = workspace(given("PATH") or "."), Path(os.environ["STANDIN_ORIGIN"])
    target.mkdir(parents=True, exist_ok=True)
    event_ref = os.environ["GITHUB_REF"]
    if not ref or ref in (event_ref, os.environ["GITHUB_SHA"]):
        want = os.environ["GITHUB_SHA"]
    else:
        names = [
            ref,
            *(f"refs/{kind}/{ref.removeprefix('refs/').removeprefix(kind + '/')}" for kind in ("heads", "tags")),
        ]
        found = (git_or_empty(origin, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") for name in names)
        want = next((commit for commit in found if commit), "") or stop(
            f"a branch or tag with the name {ref!r} could not be found"
        )
    git(target, "init", "--quiet", "--initial-branch=main")
    git(target, "remote", "add", "origin", f"file://{origin}")
    if depth == "0":
        git(target, "fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*", want)
    else:
        tags = ["+refs/tags/*:refs/tags/*"] if given("TAGS") == "true" else ["--no-tags"]
        git(
            target,
            "fetch",
            "--quiet",
            f"--depth={depth}",
            *tags[: tags[0] == "--no-tags"],
            "origin",
            want,
            *tags[tags[0] == "--no-tags" :],
        )
    if not ref and event_ref.startswith("refs/heads/"):
        branch = event_ref.removeprefix("refs/heads/")
        git(target, "update-ref", f"refs/remotes/origin/{branch}", want)
        git(target, "checkout", "--quiet", "--force", "-B", branch, want)
    else:
        git(target, "checkout", "--quiet", "--force", "--detach", want)
    output("ref", ref or event_ref)
    output("commit", want)
    print(f"HEAD is now at {want[:7]} (fetch-depth {depth})")


def git_or_empty(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True).stdout.strip()


def setup_python() -> None:
    version = given("VERSION")
    if not version and given("FILE"):
        path = workspace(given("FILE"))
        if not path.is_file():
            stop(f"the file {given('FILE')} does not exist")
        version = next((word for word in path.read_text("utf-8").split() if word[0].isdigit()), "")
    numbers = re.search(r"3(\.\d+)+", version)
    if not numbers and version not in ("", "3", "3.x"):
        stop(f"there is no Python {version!r} (a version such as '3.12' was expected)")
    name = numbers.group() if numbers else f"{sys.version_info[0]}.{sys.version_info[1]}"
    root = job_folder() / "python" / name
    site = root / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    if not root.exists():
        (root / "bin").mkdir(parents=True)
        site.mkdir(parents=True)
        base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        (root / "pyvenv.cfg").write_text(f"home = {os.path.dirname(base)}\ninclude-system-site-packages = false\n")
        for program in sorted({"python", "python3", f"python{'.'.join(name.split('.')[:2])}"}):
            (root / "bin" / program).symlink_to(base)
        for program in ("pip", "pip3"):
            script = root / "bin" / program
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -I {MACHINE}/pip.py {root} "$@"\n')
            script.chmod(0o755)
        (site / "pip").mkdir()
        (site / "pip" / "__init__.py").write_text("")
        call = [sys.executable, "-I", str(MACHINE / "pip.py"), str(root)]
        (site / "pip" / "__main__.py").write_text(f"import os, sys\nos.execv({call[0]!r}, {call!r} + sys.argv[1:])\n")
        full = name if name.count(".") > 1 else f"{name}.0"
        # Library code decides by `sys.version_info` what the interpreter can do, and must go on to see the truth.
        (site / "sitecustomize.py").write_text(
            f"import platform\nplatform.python_version = lambda: {full!r}\n"
            f"platform.python_version_tuple = lambda: {tuple(full.split('.'))!r}\n"
        )
    bins = root / "bin"
    with open(os.environ["GITHUB_PATH"], "a") as file:
        file.write(f"{bins}\n")
    with open(os.environ["GITHUB_ENV"], "a") as file:
        file.write(f"pythonLocation={root}\nPython_ROOT_DIR={root}\nPython3_ROOT_DIR={root}\n")
        if known := os.environ.get("STANDIN_MYPY"):
            cache = job_folder() / "mypy"
            if not cache.exists():
                shutil.copytree(known, cache)
            file.write(f"MYPY_CACHE_DIR={cache}\n")
    output("python-version", name)
    output("python-path", str(bins / "python"))
    print(f"Successfully set up CPython ({name}); played by Python {sys.version.split()[0]}")


def upload_artifact() -> None:
    name, missing = given("NAME") or "artifact", given("MISSING") or "warn"
    if not re.fullmatch(r"[^\"/\\:<>|*?\r\n]+", name) or name in (".", ".."):
        stop(f"the artifact name is not valid: {name!r}")
    store = Path(os.environ["STANDIN_ARTIFACTS"], name)
    if store.exists():
        if given("OVERWRITE") != "true":
            stop(f"Failed to CreateArtifact: an artifact with this name already exists on the workflow run: {name}")
        shutil.rmtree(store)
    files, roots = find_files([line.strip() for line in given("PATH").splitlines() if line.strip()])
    if given("HIDDEN") != "true":
        files = [
            file for file in files if not any(part.startswith(".") for part in file.relative_to(common(roots)).parts)
        ]
    if not files:
        message = f"No files were found with the provided path: {given('PATH')}. No artifacts will be uploaded."
        if missing == "error":
            stop(message)
        print(f"::warning::{message}")
        return
    top = common(roots)
    for file in files:
        target = store / file.relative_to(top)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    print(f"Artifact {name}: {len(files)} files")


def find_files(patterns: list[str]) -> tuple[list[Path], list[Path]]:
    """Files that the patterns name, in order, and the folder in which each pattern began to search."""
    files: dict[Path, None] = {}
    roots = []
    for pattern in (p for p in patterns if not p.startswith("!")):
        whole = os.path.normpath(workspace(pattern))
        fixed = Path(re.split(r"[*?\[]", whole, maxsplit=1)[0])
        found = [Path(path) for path in sorted(glob.glob(whole, recursive=True, include_hidden=True))]
        for path in found:
            inside = [p for p in sorted(path.rglob("*")) if p.is_file()] if path.is_dir() else [path]
            files.update(dict.fromkeys(inside))
        if found:
            is_folder = fixed.is_dir() and (str(fixed) == whole or whole[len(str(fixed)) :].startswith("/"))
            roots.append(fixed if is_folder else fixed.parent)
    for pattern in (p[1:].strip() for p in patterns if p.startswith("!")):
        whole = os.path.normpath(workspace(pattern))
        files = {f: None for f in files if not fnmatch.fnmatch(str(f), whole) and not str(f).startswith(whole + "/")}
    return list(files), roots


def common(roots: list[Path]) -> Path:
    return Path(os.path.commonpath(roots)) if roots else Path(os.environ["GITHUB_WORKSPACE"])


def download_artifact() -> None:
    store, target = Path(os.environ["STANDIN_ARTIFACTS"]), workspace(given("PATH") or ".")
    name, pattern = given("NAME"), given("PATTERN") or "*"
    if name and not (store / name).is_dir():
        stop(f"Unable to download artifact(s): Artifact not found for name: {name}")
    names = [name] if name else [path.name for path in sorted(store.iterdir()) if fnmatch.fnmatch(path.name, pattern)]
    for each in names:
        into = target if name or given("MERGE") == "true" else target / each
        shutil.copytree(store / each, into, dirs_exist_ok=True)
    output("download-path", str(target))
    print(f"Downloaded {len(names)} artifact(s)")


COMMANDS = {
    "checkout": checkout,
    "setup-python": setup_python,
    "upload-artifact": upload_artifact,
    "download-artifact": download_artifact,
}

if __name__ == "__main__":
    fresh_machine()
    COMMANDS[sys.argv[1]]()
