# What the server refuses and how; its other doors; its end.
exec python3 -B tests/serve/limits.py
