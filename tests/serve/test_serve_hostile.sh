# Slow, half-closed, oversized, malformed and pipelined requests: none takes the server down.
exec python3 -B tests/serve/hostile.py
