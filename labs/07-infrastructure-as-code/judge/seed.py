"""What is in the cloud before the learner's code runs: what the starter's own ``cloud.py`` makes."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

# Run, not imported: an import would leave a compiled file in the starter, and so in every learner's workspace.
_cloud = runpy.run_path(str(Path(__file__).resolve().parents[1] / "starter" / "cloud.py"), run_name="lab07_cloud")

ACCOUNT = "123456789012"
"""moto's only account."""
REGION: str = _cloud["REGION"]
STATE_BUCKET: str = _cloud["STATE_BUCKET"]
LOCK_TABLE: str = _cloud["LOCK_TABLE"]
PROD_BUCKET: str = _cloud["PROD_BUCKET"]
OLD_MODELS: dict[str, bytes] = _cloud["OLD_MODELS"]
seed: Callable[..., None] = _cloud["seed"]
