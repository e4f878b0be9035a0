#!/bin/bash
# The official Python client against a live server (`make check-clients`). Makes a virtual environment with it beside
# the build, from PyPI, the first time; PYTHON=... takes one that is there.
set -eu
cd "$(dirname "$0")/.."
: "${B:=build}" "${LACE:=$PWD/$B/lace}"
export LACE
version=3.54.0 # that of the last change here; OPENAI=... takes another
if [ -z "${PYTHON:-}" ]; then
    venv=$B/clients
    if ! "$venv/bin/python" -c 'import openai' 2>/dev/null; then
        python3 -m venv "$venv" || { echo "python3-venv is needed: apt-get install python3-venv" >&2; exit 1; }
        "$venv/bin/pip" install -q --disable-pip-version-check "openai==${OPENAI:-$version}"
    fi
    PYTHON=$venv/bin/python
fi
exec "$PYTHON" -B tests/serve/clients.py
