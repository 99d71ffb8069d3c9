"""Tell branch and title."""

import json
import os

with open(os.environ["GITHUB_EVENT_PATH"], encoding="utf-8") as file:
    event = json.load(file)
pull = event.get("pull_request")
lines = [f"Branch: {pull['head']['ref']}", f"Title: {pull['title']}"] if pull else [f"Branch: {event['ref'][11:]}"]
with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
    file.write("\n".join(["```", *lines, "```", ""]))
