"""Draw the incident of lab 10's page: an error burst as the replay holds it, and when each alert fires on it.

Run from the checkout: ``.venv/bin/python labs/10-monitoring/plot_incident.py``. Writes docs/assets/10-monitoring-incident.svg.
Needs promtool and matplotlib. The rules are the reference solution's; the firing times are what promtool says.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from judge.promtool import Query, read_answers, replay_file  # noqa: E402
from judge.scenarios import build  # noqa: E402

RULES = ROOT / "solutions/10-monitoring/rules"
TARGET = ROOT / "docs/assets/10-monitoring-incident.svg"
SEED = "page"
SHOWN = 'sum(rate(http_requests_total{route!="/healthz",status=~"5.."}[%s])) / sum(rate(http_requests_total{route!="/healthz"}[%s]))'


def main() -> int:
    """Replay, ask promtool, draw."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "10-monitoring", "font.size": 11})
    from matplotlib import pyplot

    replay = build("error-burst", SEED)
    last = replay.world.minutes - 1
    minutes = list(range(replay.onset - 10, last + 1))
    windows = ("5m", "1h")
    ratios = {(window, minute): Query(SHOWN % (window, window), minute) for window in windows for minute in minutes}
    firing = Query(f'min by (alertname) (min_over_time(timestamp(ALERTS{{alertstate="firing"}})[{last}m:1m]))', last)
    files = [RULES / "recording.yml", RULES / "alerts.yml"]
    groups = [group["name"] for file in files for group in yaml.safe_load(file.read_text("utf-8"))["groups"]]
    queries = [*ratios.values(), firing]
    with tempfile.TemporaryDirectory() as folder:
        text = replay_file(replay.world, [str(file) for file in files], groups, queries)
        test = Path(folder, "replay.yml")
        test.write_text(text, "utf-8")
        done = subprocess.run(["promtool", "test", "rules", test], capture_output=True, text=True, check=False)
    answers = read_answers(done.stdout + done.stderr, queries)

    figure, axes = pyplot.subplots(figsize=(8.4, 4.2), layout="constrained")
    colours = {"5m": "#0072B2", "1h": "#D55E00"}
    for window in windows:
        values = [answers.samples[ratios[window, minute]] for minute in minutes]
        heights = [100 * samples[0].value if samples else 0.0 for samples in values]
        axes.plot(
            [m - replay.onset for m in minutes],
            heights,
            color=colours[window],
            lw=2,
            label=f"failed, of the last {window}",
        )
    axes.axhline(1.44, color="#555555", lw=1, ls="--")
    axes.text(-9.7, 1.6, "page above 1.44 % (14.4 times the allowed rate)", fontsize=9, color="#333333", va="bottom")
    for height, sample in enumerate(sorted(answers.samples[firing], key=lambda s: s.value)):
        at = sample.value / 60 - replay.onset
        axes.axvline(at, color="#777777", lw=1, ls=":")
        axes.text(at + 0.2, 30 - 4 * height, f"{sample.labels['alertname']}\nminute {at:.0f}", fontsize=9, va="top")
    axes.axvspan(0, last - replay.onset, color="#999999", alpha=0.12, lw=0)
    axes.set(
        xlabel="minutes since the incident began",
        ylabel="failed requests, %",
        xlim=(-10, last - replay.onset),
        ylim=(0, None),
    )
    axes.legend(loc="center right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(TARGET, metadata={"Date": None})
    print(f"{TARGET.relative_to(ROOT)}: {replay.story}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
