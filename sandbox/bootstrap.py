#!/usr/bin/env python3
"""Set the course up: a virtual environment in .venv with the pinned packages. Standard library only.

    python3 sandbox/bootstrap.py                    what `make` calls
    python3 sandbox/bootstrap.py --extras cd,iac    with what some labs need beside
    python3 sandbox/bootstrap.py --all              with everything

It uses `uv` where that is on PATH, else fetches it with pip, and does with pip alone where neither can be had.
A second call sees from a stamp that nothing has changed and ends in milliseconds. What was installed stays: extras add up.
"""

# Read by any Python 3, so that an old one can say what is wrong: no syntax newer than 3.6 in this file.

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

LEAST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
# What `make start`, `make test` and the first labs use. The others' tools are large; their labs name the extra.
USUAL = ("ci", "containers", "dev")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ("pyproject.toml", "requirements.lock")
# What the judge's worker, the commands in the jail and the service import: neither of the first two keeps bytecode.
IMPORTED = [
    # the judge, the service and the site
    "numpy",
    "onnxruntime",
    "httpx",
    "fastapi.testclient",
    "sandbox.service.server",
    "sandbox.cli",
    "sklearn.ensemble",
    "mkdocs.__main__",
    # what the labs' commands and services import
    "uvicorn.main",
    "prometheus_client",
    "yaml",
    "docker",
    "jsonschema",
    "pandas",
    "pandera.pandas",
    "pytest_cov.plugin",
    "mypy.main",
    "boto3",
    "moto.moto_server.werkzeug_app",
]
IMPORTED += [
    "moto.%s.urls" % name for name in ("s3", "iam", "sts", "sqs", "ssm", "ecr", "kms", "dynamodb", "cloudwatch")
]


def main():
    """Set up; 0 when all is there."""
    parser = argparse.ArgumentParser(description="Set the course up in .venv.")
    parser.add_argument("--extras", default="", help="further extras of pyproject.toml, separated by commas")
    parser.add_argument("--all", action="store_true", help="every extra")
    parser.add_argument("--bare", action="store_true", help="without the usual extras (%s)" % ", ".join(USUAL))
    parser.add_argument("--venv", default=os.path.join(ROOT, ".venv"), help="where to (default: .venv)")
    parser.add_argument("--no-uv", action="store_true", help="with pip alone")
    arguments = parser.parse_args()
    if sys.version_info < LEAST:
        return in_newer_python()
    known = extras_of_project()
    wanted = set(known if arguments.all else () if arguments.bare else USUAL)
    wanted |= {name for name in arguments.extras.split(",") if name}
    if wanted - set(known):
        fail("There is no extra %s. There are: %s." % (", ".join(sorted(wanted - set(known))), ", ".join(known)))
    with locked(arguments.venv + ".lock"):
        return set_up(arguments.venv, wanted, arguments.no_uv)


def set_up(venv, wanted, without_uv):
    """Make the environment where its stamp does not show it made already."""
    stamp = os.path.join(venv, ".ready")
    before = read_stamp(stamp)
    python = os.path.join(venv, "bin", "python")
    # A venv that was moved, or whose Python is gone, is made anew.
    whole = before.get("venv") == venv and before.get("python") == sys.version and os.path.exists(python)
    wanted |= set(before.get("extras", ())) if whole else set()
    now = {"venv": venv, "python": sys.version, "sources": digest(), "extras": sorted(wanted)}
    if before == now:
        os.utime(stamp)  # make compares times
        return 0
    began = time.time()
    if not whole:
        say("making %s with Python %s" % (os.path.relpath(venv), sys.version.split()[0]))
        make_venv(venv, python)
    say("installing the course's packages (%s)" % ", ".join(sorted(wanted) or ["no extras"]))
    install(python, wanted, without_uv)
    compile_ahead(python)
    with open(stamp + ".new", "w") as file:
        json.dump(now, file, indent=2)
    os.replace(stamp + ".new", stamp)
    say("set up in %d s" % (time.time() - began))
    return 0


def make_venv(venv, python):
    """An empty virtual environment; with uv where this Python cannot make one that has pip."""
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", venv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if made.returncode == 0:
        return
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "venv", "--clear", "--seed", "--python", sys.executable, venv]).returncode == 0:
        return
    shutil.rmtree(venv, ignore_errors=True)
    fail(
        "Python cannot make a virtual environment:\n%s\nOn Debian or Ubuntu: sudo apt-get install python3-venv"
        % made.stdout.decode("utf-8", "replace").strip()
    )


def install(python, extras, without_uv):
    """The course itself (editable) and what it needs, at the pinned versions."""
    target = "%s[%s]" % (ROOT, ",".join(sorted(extras))) if extras else ROOT
    what = ["--editable", target, "--constraint", os.path.join(ROOT, "requirements.lock")]
    uv = None if without_uv else find_uv(python)
    if uv:
        if shown([uv, "pip", "install", "--python", python] + what, uv_settings(python)) == 0:
            return
        say("uv did not manage; trying pip")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    status = shown(pip + what)
    if status:
        fail(
            "The packages could not be installed (pip ended with status %d; its last words are above).\n"
            "Is the package index reachable from here? Then try again: what has been fetched is kept." % status
        )


def compile_ahead(python):
    """Compile what every run imports. uv leaves that to the first import, and in the jail each import is the first.

    To compile all packages takes a minute of CPU; what is imported, a few seconds. A package that is not there is left out.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    imports = "\n".join("try: import %s\nexcept Exception: pass" % name for name in IMPORTED)
    # Its help loads all of pytest's own plugins, as a run does.
    for arguments in (["-m", "pytest", "--help", "--noconftest", "-c", os.devnull], ["-c", imports]):
        subprocess.run([python] + arguments, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def find_uv(python):
    """uv from PATH, from the environment, or fetched with pip; None where it cannot be had."""
    own = os.path.join(os.path.dirname(python), "uv")
    for candidate in (own, shutil.which("uv")):
        # A shim of a version manager may be on PATH and refuse to work.
        if candidate and os.path.exists(candidate) and quiet([candidate, "--version"]):
            return candidate
    say("fetching uv")
    fetched = quiet([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"])
    return own if fetched and quiet([own, "--version"]) else None


def uv_settings(python):
    """uv reads no settings of pip: pass on the index and the certificates that pip is set to use."""
    # Not `pip config get`: it looks into one file only, `list` tells what holds in the end.
    command = [python, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(
        "utf-8", "replace"
    )
    found = {}
    for section in ("global", "install", ":env:"):  # each goes before the ones before it
        found.update(re.findall(r"(?m)^%s\.([\w-]+)='(.*)'$" % section, listed))
    settings = {}
    for key, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        if variable not in os.environ and found.get(key):
            settings[variable] = found[key]
    return settings


def shown(command, settings=()):
    """Run uv or pip; show one line of what it does at a time on a terminal, and its last lines where it fails.

    ``settings`` are added to the environment.
    """
    env = dict(os.environ, **dict(settings))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    last, told = [], time.time()
    terminal = sys.stdout.isatty()
    for raw in process.stdout:
        line = raw.decode("utf-8", "replace").rstrip()
        last = (last + [line])[-20:]
        if terminal:
            sys.stdout.write("\r\033[K  " + line.strip()[: shutil.get_terminal_size().columns - 4])
            sys.stdout.flush()
        elif time.time() - told > 10:
            told = time.time()
            say("  " + line.strip()[:100])
    if terminal:
        sys.stdout.write("\r\033[K")
    if process.wait():
        print("\n".join(last))
    return process.returncode


def in_newer_python():
    """Hand over to a newer Python on PATH, or say what is needed."""
    for name in NEWER:
        path = shutil.which(name)
        if path:
            os.execv(path, [path] + sys.argv)
    fail(
        "The course needs Python %d.%d or newer; this is %s (%s).\nInstall one, then: make PYTHON=python3.12 start"
        % (LEAST + (sys.version.split()[0], sys.executable))
    )


def extras_of_project():
    """Names of the extras in pyproject.toml."""
    with open(os.path.join(ROOT, "pyproject.toml")) as file:
        section = file.read().split("[project.optional-dependencies]")[1].split("\n[")[0]
    return re.findall(r"(?m)^([\w-]+) = \[", section)


def digest():
    """Changes when the list of packages does."""
    total = hashlib.sha256()
    for name in SOURCES:
        with open(os.path.join(ROOT, name), "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def read_stamp(path):
    """What was set up last; empty where nothing was, or not to the end."""
    try:
        with open(path) as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class locked:
    """Two set-ups at once would spoil each other: the second waits. The kernel frees the lock of a dead process."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open(self.path, "w")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another set-up is at work: waiting for it")
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *error):
        self.file.close()


def quiet(command):
    """Does the command succeed?"""
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def say(text):
    """One line of progress."""
    print("setup: " + text)
    sys.stdout.flush()


def fail(text):
    """End with a message."""
    sys.stderr.write("setup: " + text + "\n")
    sys.exit(1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write("\nsetup: stopped; call it again to go on\n")
        sys.exit(130)
