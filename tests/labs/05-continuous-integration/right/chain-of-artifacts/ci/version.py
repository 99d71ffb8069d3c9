import re
import subprocess
import sys

if not re.match("release/", sys.argv[1]):
    sys.exit()
new = [int(n) for n in open("VERSION").read().split(".")]
tags = subprocess.run("git tag", shell=True, capture_output=True, text=True, check=True).stdout.split()
assert tags, "no tags here"
for tag in tags:
    old = [int(n) for n in re.findall(r"\d+", tag)]
    assert new > old, f"{tag} is not older than VERSION"
