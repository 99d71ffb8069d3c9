#!/usr/bin/env bash
# Every file that the push or pull request adds or changes.
set -euo pipefail
git diff -z --name-only --diff-filter=d "$BASE" HEAD > changed
test -s changed || exit 0
xargs -0 -a changed python tools/scan_secrets.py
while IFS= read -r -d '' name; do
  case "$name" in *.ipynb) echo "notebook: $name"; exit 1 ;; esac
  if (( $(stat -c %s -- "$name") > 500000 )); then echo "too large: $name"; exit 1; fi
done < changed
