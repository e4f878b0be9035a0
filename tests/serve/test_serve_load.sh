# 64 clients of mixed kinds for some seconds: every answer equals the one that its request gets alone.
exec python3 -B tests/serve/load.py
