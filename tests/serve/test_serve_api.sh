# Every route and field of the server against what lace run prints.
exec python3 -B tests/serve/api.py
