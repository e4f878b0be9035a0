# Streams of the server: what they carry, what runs beside them, and clients that leave.
exec python3 -B tests/serve/stream.py
