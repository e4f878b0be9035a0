# Two replicas behind nginx, one killed under load; skipped where there is no nginx.
exec python3 -B tests/serve/replicas.py
