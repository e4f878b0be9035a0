#!/usr/bin/env python3
"""Records a terminal program as a moving picture (SVG, no script in it): what the README shows.

    python3 -m venv .venv && .venv/bin/pip install pyte==0.8.2
    .venv/bin/python scripts/record.py docs/run.svg build/lace run --pace 12 "Find t ..."

The program runs in a pseudo-terminal; pyte (LGPL, only used here) interprets what it draws. Every distinct screen line
is stored once; a screen is a group of references that is visible for its share of the time. The last one stays longer."""
import codecs, fcntl, os, pty, select, shlex, struct, sys, termios, time
from html import escape
import pyte

COLUMNS, CELL, LINE, FRAME, LAST = 122, 7.23, 17, 0.08, 5.0  # characters, pixels, pixels, seconds, seconds
COLOURS = {"default": "#d8dee9", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b", "yellow": "#e5c07b",
           "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#ffffff", "black": "#5c6370"}


def play(command):
    """Screens with the time at which each appeared: [(seconds, [line, ...])]; a line is a tuple of (text, style)."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", LC_ALL="C.UTF-8")
        os.environ.pop("NO_COLOR", None)
        time.sleep(0.2)  # until the window has its size
        os.execvp(command[0], command)
    rows = 48
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, rows)
    stream, decoder = pyte.Stream(screen), codecs.getincrementaldecoder("utf-8")()
    screens, start, taken = [], time.monotonic(), 0.0
    while True:
        ready = select.select([master], [], [], FRAME)[0]
        at = time.monotonic() - start
        if ready:
            try:
                data = os.read(master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            stream.feed(decoder.decode(data))
        if at - taken >= FRAME:
            taken = at
            screens.append((at, look(screen)))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        sys.exit(f"record.py: {command[0]} ended with status {status}.")
    screens.append((time.monotonic() - start, look(screen)))
    kept = [screens[0]]
    for at, lines in screens[1:]:
        if lines != kept[-1][1]:
            kept.append((at, lines))
    first = next(i for i, (_, lines) in enumerate(kept) if any(lines))
    return kept[first:]


def look(screen):
    lines = []
    for y in range(screen.lines):
        runs = []
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            style = (cell.fg, cell.bold)
            if runs and runs[-1][1] == style:
                runs[-1][0].append(cell.data)
            else:
                runs.append([[cell.data], style])
        while runs and not "".join(runs[-1][0]).strip():
            runs.pop()
        lines.append(tuple(("".join(text), style) for text, style in runs))
    while lines and not lines[-1]:
        lines.pop()
    return lines


def span(text, style):
    fg, bold = style
    colour = COLOURS.get(fg, "#" + fg if len(fg) == 6 else COLOURS["default"])
    attributes = f' fill="{colour}"' + (' font-weight="bold"' if bold else "")
    return f"<tspan{attributes}>{escape(text)}</tspan>"


def draw(command, screens):
    begin = screens[0][0]
    times = [at - begin for at, _ in screens] + [screens[-1][0] - begin + LAST]
    total, number = times[-1], {}
    for _, lines in screens:
        for line in lines:
            number.setdefault(line, len(number))
    rows = max(len(lines) for _, lines in screens) + 2
    width, height = round(COLUMNS * CELL + 24), rows * LINE + 24
    quoted = "$ " + " ".join(shlex.quote(word) if " " in word else word for word in command)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           f'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="12">',
           f"<title>{escape(quoted)}</title>", "<style>", "text{white-space:pre}",
           f".f{{visibility:hidden;animation:{total:.2f}s steps(1,end) infinite}}"]
    for i in range(len(screens)):
        a, b = 100 * times[i] / total, 100 * times[i + 1] / total
        keys = "" if i == 0 else "0%{visibility:hidden}"
        keys += f"{a:.3f}%{{visibility:visible}}"
        keys += f"{b:.3f}%{{visibility:hidden}}" if i + 1 < len(screens) else "100%{visibility:visible}"
        out.append(f"@keyframes k{i}{{{keys}}}#f{i}{{animation-name:k{i}}}")
    # who wants no motion sees the last screen
    out.append(f"@media(prefers-reduced-motion:reduce){{.f{{animation:none}}#f{len(screens) - 1}{{visibility:visible}}}}")
    out += ["</style>", f'<rect width="{width}" height="{height}" rx="8" fill="#1e222a"/>', "<defs>"]
    for line, i in number.items():
        columns = sum(len(text) for text, _ in line)
        if columns:
            out.append(f'<text id="l{i}" xml:space="preserve" textLength="{columns * CELL:.1f}">'
                       + "".join(span(*run) for run in line) + "</text>")
    out.append("</defs>")
    out.append(f'<text x="12" y="{LINE + 8}" xml:space="preserve" fill="#98c379">{escape(quoted)}</text>')
    for i, (_, lines) in enumerate(screens):
        uses = "".join(f'<use href="#l{number[line]}" x="12" y="{(y + 3) * LINE + 8}"/>'
                       for y, line in enumerate(lines) if line)
        out.append(f'<g class="f" id="f{i}">{uses}</g>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    screens = play(sys.argv[2:])
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(draw(sys.argv[2:], screens))
    print(f"{sys.argv[1]}: {len(screens)} screens, {screens[-1][0] - screens[0][0]:.1f} s")
