# Traced requests: what the trace says, that it changes nothing, and that requests in flight draw nothing from each other.
exec python3 -B tests/serve/trace.py
