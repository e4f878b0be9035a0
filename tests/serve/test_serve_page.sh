# The page at /: its files, its headers, and what it refers to. tests/serve/browse.py opens it in a browser.
exec python3 -B tests/serve/page.py
