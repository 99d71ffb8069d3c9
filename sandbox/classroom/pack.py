"""One file to hand in: the files of a workspace that the lab accepts, and a manifest that says what they are."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.workspace import gather

SCHEMA = "devops-ml-sandbox/pack/v1"
MANIFEST = "lab-pack.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(lab: Lab, target: Path | None = None) -> Path:
    """Write the learner's work on a lab into one archive. The same work gives the same bytes.

    Args:
        target: default: ``NN-name.zip`` in the current folder.

    Raises:
        UserError: there is no workspace, or nothing in it that the lab takes.
    """
    if not lab.workspace.is_dir():
        raise UserError(f"{lab.workspace} does not exist.", f"Begin the lab first: lab begin {lab.number}")
    found = gather(lab, lab.workspace)
    if not found.files:
        raise UserError(f"Your workspace holds none of the files of lab {lab.id}.", f"It takes {_globs(lab)}.")
    if found.refused:
        name, reason = next(iter(found.refused.items()))
        raise UserError(f"{name} cannot be handed in: it is {reason}.", "Put a regular file in its place.")
    manifest = {
        "schema": SCHEMA, "lab": lab.id, "course_digest": lab.digest(), "submission_digest": found.digest,
        "files": {name: hashlib.sha256(content).hexdigest() for name, (content, _) in found.files.items()},
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entries = {MANIFEST: (json.dumps(manifest, indent=1).encode(), False), **found.files}
        for name, (content, executable) in entries.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    path = target or Path(f"{lab.id}.zip")
    path.write_bytes(buffer.getvalue())
    return path


def examine(lab: Lab, folder: Path) -> str:
    """Why an unpacked submission does not fit its own manifest; empty where it does, or has none."""
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 1_000_000:
        return ""
    try:
        table: Any = json.loads(path.read_text("utf-8"))
        if table["schema"] != SCHEMA:
            return f"its {MANIFEST} has the schema {table['schema']!a}, which this course does not know"
        if table["lab"] != lab.id:
            return f"it was packed for lab {table['lab']!a}, not for {lab.id}"
        hashes = dict(table["files"])
    except (ValueError, KeyError, TypeError, UnicodeError):
        return f"its {MANIFEST} cannot be read; pack it again with `lab pack {lab.number}`"
    found = {name: hashlib.sha256(content).hexdigest() for name, (content, _) in gather(lab, folder).files.items()}
    if found != hashes:
        name = sorted(name for name in found.keys() | hashes.keys() if found.get(name) != hashes.get(name))[0]
        return f"{name!a} is not as it was packed; pack it again with `lab pack {lab.number}`"
    return ""


def _globs(lab: Lab) -> str:
    return ", ".join(lab.spec.accepts)
