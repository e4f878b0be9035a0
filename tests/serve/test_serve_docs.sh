# docs/serving.md says what is so: its commands are run, its tables compared.
command -v curl >/dev/null || { echo "ok 1 - # SKIP the commands of docs/serving.md: there is no curl"; exit 0; }
exec python3 -B tests/serve/docs.py
