#!/bin/sh
# Refuses to start without a model that can be read, then makes way for the service.
set -eu
path="${MODEL_PATH:-model/model.json}"
if [ "$1" = python ] && [ "${2:-}" = -m ]; then
    python -c 'import sys; from service.model import Model; Model(sys.argv[1]).probability({})' "$path"
fi
exec "$@"
