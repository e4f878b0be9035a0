"use strict";
/* The threads of a run side by side: what each has written up to a step, its verdict, and where the run was traced, a
 * strip under each token that shows from which threads it drew. The pointer, or the arrow keys, choose a token. */
{
  const VERDICTS = { best: "best", success: "success", fail: "fail", "": "no verdict" };

  /* The strip under a token: its colours say from whom it drew most, their strength how much that counted, which is the
   * share times the gate. */
  const heat = (row, gate) => {
    const all = row.reduce((a, b) => a + b, 0), most = Math.max(...row), kept = row.map((share) => (share > 0.6 * most ? share : 0));
    const sum = kept.reduce((a, b) => a + b, 0), strength = Math.min(100, 130 * (all * gate) ** 0.8).toFixed(0);
    if (all < 0.004) return "linear-gradient(var(--nobody), var(--nobody))";
    let at = 0;
    const stops = [];
    kept.forEach((share, n) => {
      if (!share) return;
      const to = at + 100 * share / sum;
      stops.push(`color-mix(in oklab, ${lace.colour(n)} ${strength}%, var(--nobody)) ${at.toFixed(1)}% ${to.toFixed(1)}%`);
      at = to;
    });
    return `linear-gradient(90deg, ${stops.join(", ")})`;
  };
  /* A bar of shares, one after the other; what is missing to 1 went to nobody. */
  const bar = (shares) => {
    let at = 0;
    const stops = [];
    shares.forEach((share, n) => {
      if (share < 0.004) return;
      stops.push(`${lace.colour(n)} ${(100 * at).toFixed(1)}% ${(100 * (at + share)).toFixed(1)}%`);
      at += share;
    });
    stops.push(`var(--nobody) ${(100 * at).toFixed(1)}% 100%`);
    return `linear-gradient(90deg, ${stops.join(", ")})`;
  };

  const mean = (rows, threads) => {
    const sum = Array(threads).fill(0);
    for (const row of rows) row.forEach((share, n) => { sum[n] += share / rows.length; });
    return sum;
  };

  /* ---- the details of one token ---- */
  const tip = document.getElementById("tip");
  const share = (label, value, colour) => {
    const fill = lace.element("i");
    fill.style.width = `${Math.min(100, 100 * value)}%`;
    fill.style.background = colour;
    return lace.element("tr", {}, lace.element("th", { scope: "row" }, label), lace.element("td", { class: "bar" }, fill),
      lace.element("td", {}, lace.percent(value)));
  };
  lace.hideTip = () => { tip.hidden = true; };
  const showTip = (column, i, token) => {
    const thread = column.thread, facts = [`step ${column.time(i) + 1}`];
    const logprob = thread.logprobs?.[i] ?? null;
    if (logprob !== null) facts.push(`probability ${lace.figure(Math.exp(logprob))}`);
    if (thread.gate) facts.push(`gate ${thread.gate[i].toFixed(2)}`);
    const name = lace.element("p", { class: "token" }, lace.element("b", {}, `Thread ${column.index + 1}`), " ",
      lace.element("code", {}, JSON.stringify(thread.pieces[i])));
    tip.replaceChildren(name, lace.element("p", { class: "hint" }, facts.join(" · ")));
    const row = thread.from?.[i];
    if (row) {
      const listed = row.map((value, n) => [value, n]).filter(([value, n]) => value >= 0.005 && n !== column.index)
        .sort((a, b) => b[0] - a[0]).slice(0, 6);
      tip.append(lace.element("table", {},
        ...listed.map(([value, n]) => share(`thread ${n + 1}`, value, lace.colour(n))),
        share("nobody", Math.max(0, 1 - row.reduce((a, b) => a + b, 0)), "var(--nobody)")));
    }
    tip.hidden = false;
    const at = token.getClientRects()[0] ?? token.getBoundingClientRect(), box = tip.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - box.width - 8));
    const below = at.bottom + 10 + box.height <= window.innerHeight || at.top < box.height + 16;
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? at.bottom + 10 : at.top - box.height - 8}px`;
  };
  const say = (column, i) => {
    const thread = column.thread, row = thread.from?.[i];
    let text = `${JSON.stringify(thread.pieces[i])}, step ${column.time(i) + 1}`;
    if (row) {
      const most = row.indexOf(Math.max(...row));
      text += row[most] < 0.005 ? ", drew from nobody" : `, drew most from thread ${most + 1}, ${lace.percent(row[most])}`;
    }
    document.getElementById("news").textContent = text;
  };

  /* ---- a column ---- */
  const Column = class {
    constructor(thread, index, board) {
      Object.assign(this, { thread, index, board, tokens: [], length: 0, shown: 0, chosen: -1 });
      this.verdict = lace.element("span", { class: "verdict" });
      this.heard = lace.element("div", { class: "heard", hidden: true, role: "img" });
      this.text = lace.element("div", {
        class: "text", tabindex: "0", role: "group", "aria-label": `What thread ${index + 1} wrote`,
        keydown: (event) => this.key(event), focus: () => this.choose(this.chosen < 0 ? this.shown - 1 : this.chosen),
        blur: () => this.board.choose(null), pointerover: (event) => this.hover(event), pointerleave: () => this.board.choose(null),
      });
      this.node = lace.element("article", { class: "column", "aria-label": `Thread ${index + 1}` },
        lace.element("h3", {}, lace.element("span", { class: "number" }, String(index + 1)), this.verdict), this.heard, this.text);
      this.node.style.setProperty("--own", lace.colour(index));
    }

    /* Tokens that have come since last time. */
    grow() {
      for (let t = this.tokens.length; t < this.thread.pieces.length; t++) {
        const piece = this.thread.pieces[t], verdict = this.thread.over && this.length >= lace.said(this.thread.text).length;
        const token = lace.element("span", { class: verdict ? "mark later" : "later" }, piece);
        this.length += piece.length;
        token.place = t;
        this.tokens.push(token);
        this.text.append(token);
      }
    }

    /* The step of a token, and how many tokens there are before a step. */
    time(i) { return this.thread.times ? this.thread.times[i] : i; }
    before(step) {
      if (!this.thread.times) return Math.min(step, this.tokens.length);
      const later = this.thread.times.findIndex((time) => time >= step);
      return later < 0 ? this.tokens.length : later;
    }
    /* The first `steps` steps are there. */
    show(steps, over) {
      const to = this.before(steps);
      for (let t = this.shown; t < to; t++) this.tokens[t].classList.remove("later");
      for (let t = to; t < this.shown; t++) this.tokens[t].classList.add("later");
      this.shown = to;
      const ended = over || (this.thread.over && to === this.tokens.length);
      this.verdict.textContent = !ended ? `${to}` : this.thread.over ? VERDICTS[this.thread.verdict] : "stopped";
      this.verdict.title = !ended ? "tokens so far" : this.thread.p_best ? `probability of best: ${lace.figure(this.thread.p_best)}` : "";
      this.verdict.dataset.verdict = !ended ? "none" : this.thread.over && this.thread.verdict ? this.thread.verdict : "none";
      if (ended && this.thread.cut) this.verdict.textContent += ", out of tokens";
    }

    paintTrace() {
      const from = this.thread.from;
      if (!from) return;
      this.text.classList.add("traced");
      this.tokens.forEach((token, t) => { token.style.backgroundImage = heat(from[t], this.thread.gate?.[t] ?? 1); });
      const heard = mean(from, this.board.columns.length);
      this.heard.hidden = false;
      this.heard.style.backgroundImage = bar(heard);
      const label = heard.map((value, n) => [value, n]).filter(([value]) => value >= 0.005)
        .map(([value, n]) => `thread ${n + 1} ${lace.percent(value)}`).join(", ");
      this.heard.title = `Drew from ${label || "nobody"} (mean over its tokens)`;
      this.heard.setAttribute("aria-label", this.heard.title);
    }

    hover(event) {
      if (event.target.place !== undefined && !event.target.classList.contains("later")) this.choose(event.target.place);
    }
    choose(i) {
      if (i < 0 || i >= this.shown) return;
      this.chosen = i;
      this.board.choose(this.time(i), this.index);
      showTip(this, i, this.tokens[i]);
    }
    key(event) {
      const next = { ArrowLeft: this.chosen - 1, ArrowRight: this.chosen + 1, Home: 0, End: this.shown - 1 }[event.key];
      if (event.key === "Escape") return this.board.choose(null);
      if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return undefined;
      event.preventDefault();
      if (next < 0 || next >= this.shown) return undefined;
      this.tokens[next].scrollIntoView({ block: "nearest" });
      this.choose(next);
      return say(this, next);
    }
  };

  /* All columns of a run. cursor(step, thread) is told what is looked at; null: nothing. */
  lace.Threads = class {
    constructor(run, cursor) {
      this.cursor = cursor;
      this.marked = [];
      this.columns = run.threads.map((thread, n) => new Column(thread, n, this));
      this.node = lace.element("div", { class: "columns" }, ...this.columns.map((column) => column.node));
      this.node.dataset.threads = run.threads.length;
    }
    show(steps, over) {
      /* A text that was at its end stays there. All are measured before any is written: that costs one layout. */
      const texts = this.columns.map((column) => column.text);
      const stuck = texts.filter((text) => text.scrollTop + text.clientHeight >= text.scrollHeight - 24);
      for (const column of this.columns) {
        column.grow();
        column.show(steps, over);
      }
      for (const text of stuck) if (text.scrollHeight > text.clientHeight) text.scrollTop = text.scrollHeight;
    }
    /* The same step in every thread is marked. */
    choose(step, thread) {
      for (const token of this.marked) token.classList.remove("chosen");
      this.marked = step === null ? [] : this.columns.flatMap((c) => {
        const i = c.before(step);
        return i < c.shown && c.time(i) === step ? [c.tokens[i]] : [];
      });
      for (const token of this.marked) token.classList.add("chosen");
      if (step === null) lace.hideTip();
      this.cursor(step, thread);
    }
    paintTrace() { this.columns.forEach((column) => column.paintTrace()); }
    /* The tokens of a trace are another cut of the same text. */
    reset() {
      for (const column of this.columns) {
        Object.assign(column, { tokens: [], length: 0, shown: 0, chosen: -1 });
        column.text.replaceChildren();
      }
      this.marked = [];
    }
    /* The picked thread goes first; the others keep their order. Nothing: all do. */
    raise(picked) {
      const order = this.columns.map((column) => column.node);
      if (picked !== null) order.unshift(...order.splice(picked, 1));
      this.columns.forEach((column, n) => column.node.classList.toggle("picked", n === picked));
      if (order.every((node, i) => this.node.children[i] === node)) return;
      const before = order.map((node) => node.getBoundingClientRect());
      const focus = document.activeElement;
      this.node.append(...order);
      if (this.node.contains(focus)) focus.focus();
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      order.forEach((node, i) => {
        const now = node.getBoundingClientRect(), x = before[i].left - now.left, y = before[i].top - now.top;
        if (x || y) node.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 400, easing: "ease" });
      });
    }
  };
}
