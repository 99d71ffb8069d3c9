#!/usr/bin/env bash
# Notebooks and large files are committed by mistake, and a history keeps them for ever.
set -euo pipefail
limit=500000
bad=0
while IFS= read -r -d '' file; do
  size=$(wc -c < "$file")
  case "$file" in
    *.ipynb) echo "$file: a notebook"; bad=1 ;;
  esac
  if [ "$size" -gt "$limit" ]; then
    echo "$file: $size bytes, more than $limit"; bad=1
  fi
done < <(git ls-files -z)
exit "$bad"
