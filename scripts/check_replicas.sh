#!/bin/sh
# Two replicas behind nginx as scripts/nginx.conf has it, one killed under load (`make check-replicas`). Installs nginx
# where it is missing.
set -eu
cd "$(dirname "$0")/.."
scripts/deps.sh proxy
exec python3 -B tests/serve/replicas.py
