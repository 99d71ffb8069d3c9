"""Run recorded commands again with nothing around them: files laid out, the command, its time limit. Run as a script.

It imports nothing of ours, so that what it costs is what the commands cost.
"""

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def replay(folder: Path) -> None:
    """Every command of a folder, one after the other."""
    for path in sorted(folder.iterdir()):
        task = pickle.loads(path.read_bytes())
        with tempfile.TemporaryDirectory(prefix="bare-", ignore_cleanup_errors=True) as name:
            if task["files"]:
                with tarfile.open(fileobj=io.BytesIO(task["files"])) as archive:
                    archive.extractall(name, filter="tar")
            process = subprocess.Popen(
                task["argv"], cwd=Path(name) / task["cwd"], env=task["env"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(task["stdin"], timeout=task["timeout_s"])
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        replay(Path(argument))
