"use strict";
/* The figures of a trace: who draws from whom as a table of numbers, and lines over the steps. */
{
  /* ---- lines ---- */
  const HEIGHT = 128, LEFT = 34, RIGHT = 6, TOP = 8, BOTTOM = 20;
  const nice = (most) => [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].find((x) => x >= most) ?? most;

  /* The mean over `span` values on each side; null where there is none. */
  lace.smooth = (values, span) => values.map((value, i) => {
    const near = values.slice(Math.max(0, i - span), i + span + 1).filter((one) => one !== null);
    return value === null ? null : near.reduce((a, b) => a + b, 0) / near.length;
  });

  /* {title, note, lines: [{values, times, colour, raw}], most, threads}: a figure that draws itself as wide as its place
   * is. A value of null is a gap; times null: value i belongs to step i. threads: each line is a thread's. */
  lace.Lines = class {
    constructor(options) {
      Object.assign(this, options);
      this.steps = Math.max(1, ...this.lines.map((line) => (line.times?.length ? line.times[line.times.length - 1] + 1 : line.values.length)));
      const all = this.lines.flatMap((line) => line.values).filter((value) => value !== null);
      const sum = all.reduce((a, b) => a + b, 0), low = all.reduce((a, b) => Math.min(a, b), Infinity), high = all.reduce((a, b) => Math.max(a, b), 0);
      this.top = this.most ?? nice(high);
      const label = all.length ? `${this.title}: mean ${lace.figure(sum / all.length)}, from ${lace.figure(low)} to ${lace.figure(high)}, over ${this.steps} steps` : this.title;
      this.svg = lace.svg("svg", { role: "img", "aria-label": label, height: HEIGHT });
      this.node = lace.element("figure", { class: "chart" }, lace.element("figcaption", {}, lace.element("b", {}, this.title), " ", this.note ?? ""), this.svg);
      new ResizeObserver(() => this.draw()).observe(this.node);
    }
    x(step) { return LEFT + (this.steps > 1 ? step / (this.steps - 1) : 0.5) * (this.width - LEFT - RIGHT); }
    y(value) { return HEIGHT - BOTTOM - Math.min(1, value / this.top) * (HEIGHT - TOP - BOTTOM); }
    draw() {
      const width = Math.floor(this.node.clientWidth);
      if (!width || width === this.width) return;
      this.width = width;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      this.svg.setAttribute("width", width);
      const grid = [0, this.top / 2, this.top].map((value) => lace.svg("g", {},
        lace.svg("path", { class: "grid", d: `M${LEFT} ${this.y(value)}H${width - RIGHT}` }),
        lace.svg("text", { x: LEFT - 6, y: this.y(value) + 3.5, "text-anchor": "end" }, String(Number(value.toPrecision(3))))));
      const last = lace.svg("text", { x: width - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, `step ${this.steps}`);
      const first = lace.svg("text", { x: LEFT, y: HEIGHT - 4 }, "1");
      const lines = this.lines.map((line) => {
        let pen = "M";
        const d = line.values.map((v, i) => {
          const move = v === null ? "" : `${pen}${this.x(line.times?.[i] ?? i).toFixed(1)} ${this.y(v).toFixed(1)}`;
          pen = v === null ? "M" : "L";
          return move;
        }).join("");
        const path = lace.svg("path", { class: line.raw ? "line raw" : "line", d });
        path.style.stroke = line.colour;
        return path;
      });
      this.cursor = lace.svg("path", { class: "cursor", d: "" });
      this.svg.replaceChildren(...grid, first, last, ...lines, this.cursor);
    }
    /* The step that is looked at, and whose line is; null: none. */
    point(step, thread) {
      if (this.threads) this.svg.querySelectorAll(".line").forEach((line, n) => line.classList.toggle("faint", step !== null && n !== thread));
      this.cursor?.setAttribute("d", step === null || step >= this.steps ? "" : `M${this.x(step).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}`);
    }
  };

  /* ---- who draws from whom ---- */
  const meanOf = (matrices) => matrices[0].map((row, n) => row.map((_, m) => matrices.reduce((sum, one) => sum + one[n][m], 0) / matrices.length));
  const written = (value) => (value < 0.0005 ? "0" : (100 * value).toFixed(value < 0.0995 ? 1 : 0));

  /* caption: of rows and columns, for who cannot see. nobody: the column of what is missing to 1. byRow: the row's thread
   * gives the colour, not the column's. */
  const table = (matrix, { caption, print, nobody, byRow }) => {
    const name = (n) => {
      const mark = lace.element("span", { class: "number" }, String(n + 1));
      mark.style.setProperty("--own", lace.colour(n));
      return mark;
    };
    const head = lace.element("tr", {}, lace.element("td", {}), ...matrix.map((_, m) => lace.element("th", { scope: "col" }, name(m))),
      nobody ? lace.element("th", { scope: "col", class: "nobody" }, "nobody") : null);
    const most = Math.max(1e-9, ...matrix.flat());
    const rows = matrix.map((row, n) => lace.element("tr", {}, lace.element("th", { scope: "row" }, name(n)),
      ...row.map((value, m) => {
        const cell = lace.element("td", { class: "cell" }, n === m && !value ? "–" : print(value));
        cell.style.setProperty("--own", lace.colour(byRow ? n : m));
        cell.style.setProperty("--part", `${(70 * Math.max(0, value) / most).toFixed(1)}%`);
        return cell;
      }),
      nobody ? lace.element("td", { class: "nobody" }, print(Math.max(0, 1 - row.reduce((a, b) => a + b, 0)))) : null));
    return lace.element("table", { class: matrix.length > 6 ? "flow" : "flow small" }, lace.element("caption", { class: "unseen" }, caption),
      lace.element("thead", {}, head), lace.element("tbody", {}, ...rows));
  };
  const scrolled = (label, inside) => lace.element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label }, inside);

  /* flow (layers, reader, source); layers names them. */
  lace.flowFigure = (flow, layers, group) => {
    const caption = "Row: the thread that reads. Column: the thread that it draws from.";
    const drawn = (matrix) => table(matrix, { caption, print: written, nobody: matrix.every((row) => row.reduce((a, b) => a + b, 0) <= 1.01) });
    const place = scrolled("Who draws from whom", drawn(meanOf(flow)));
    const pick = (label, matrix, checked) => lace.element("label", {}, lace.element("input", {
      type: "radio", name: group, checked, change: () => place.replaceChildren(drawn(matrix)),
    }), lace.element("span", {}, label));
    return lace.element("figure", {}, lace.element("figcaption", {}, lace.element("b", {}, "Who draws from whom"), " per cent of a token\u2019s attention, mean; a row reads, a column is read"),
      lace.element("fieldset", { class: "choice" }, lace.element("legend", { class: "unseen" }, "Layer"), pick("all layers", meanOf(flow), true),
        ...flow.map((matrix, l) => pick(`layer ${layers[l]}`, matrix, false))), place);
  };

  /* influence (muted, thread): what a thread's words lose when another is muted for the others. */
  lace.influenceFigure = (influence) => lace.element("figure", {},
    lace.element("figcaption", {}, lace.element("b", {}, "What muting a thread costs the others"), " log-probability that a column\u2019s words lose without the row"),
    scrolled("What muting a thread costs the others", table(influence, {
      caption: "Row: the thread that is muted. Column: the thread whose words become less probable.", print: (x) => x.toFixed(3).replace("-0.000", "0.000"), byRow: true,
    })));
}
