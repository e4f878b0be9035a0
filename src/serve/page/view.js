"use strict";
/* One run on the page: what it answered, its threads, and where it was traced, the figures. It plays what has come at the
 * pace that was chosen, and again afterwards: `at` is the step that is shown, run.steps how many there are. */
{
  let views = 0;
  const describe = (run) => {
    const s = run.settings, parts = [lace.count(run.threads.length, "thread")];
    if (s.temperature !== null && s.temperature !== undefined) parts.push(Number(s.temperature) ? `temperature ${s.temperature}` : "greedy");
    if (s.seed !== null && s.seed !== undefined) parts.push(`seed ${s.seed}`);
    if (s.visible) parts.push(`sees ${s.visible}`);
    if (s.budget) parts.push(`at most ${lace.count(Number(s.budget), "token")} each`);
    return parts.join(" · ");
  };
  const cost = (run) => {
    const parts = [];
    if (run.steps) parts.push(lace.count(run.steps, "step"));
    if (run.tokens) parts.push(lace.count(run.tokens, "token"));
    if (run.seconds) parts.push(`${run.seconds.toFixed(2)} s`);
    return parts.join(" · ");
  };

  lace.View = class {
    constructor(run, pace) {
      Object.assign(this, { run, pace, at: 0, playing: true, concluded: false, due: 0, id: ++views });
      this.threads = new lace.Threads(run, (step, thread) => this.charts?.forEach((chart) => chart.point(step, thread)));
      this.answer = lace.element("p", { class: "answer" });
      this.cost = lace.element("p", { class: "hint cost" });
      this.play = lace.element("button", { type: "button", class: "play", click: () => this.toggle() }, "Replay");
      this.slider = lace.element("input", { type: "range", min: "0", max: "0", value: "0", step: "1", "aria-label": "Step", input: () => this.seek(Number(this.slider.value)) });
      this.step = lace.element("output", {});
      this.controls = lace.element("div", { class: "replay" }, this.play, this.slider, this.step);
      this.legend = lace.element("p", { class: "hint legend", hidden: true }, "The strip under a token has the colours of the threads that it drew from, as strong as it counted: share times gate. The bar above a text is the mean.");
      this.figures = lace.element("div", { class: "figures", hidden: true });
      this.node = lace.element("section", { class: "run", "aria-label": `Lattice ${run.settings.lattice}` },
        lace.element("header", {},
          lace.element("h2", {}, `Lattice ${run.settings.lattice}`), lace.element("p", { class: "hint" }, describe(run)), this.cost, this.answer),
        this.controls, this.threads.node, this.legend, this.figures);
      this.node.dataset.state = "runs";
      this.draw();
    }

    /* There is more of the run, or it has ended. */
    changed() {
      if (this.run.done && this.run.trace && !this.charts) {
        this.threads.reset();
        this.shown = undefined;
      }
      this.wake();
    }
    wake() {
      if (this.asked) return;
      this.asked = requestAnimationFrame((now) => {
        this.asked = 0;
        this.tick(now);
      });
    }
    get end() { return lace.lastStep(this.run); }
    tick(now) {
      if (this.playing) {
        if (!this.pace || !this.run.stepped) this.at = this.end;
        else if (this.at >= this.end) this.due = now; /* it waits for the model, and does not run after what it missed */
        else {
          if (!this.due) this.due = now;
          const steps = Math.floor((now - this.due) * this.pace / 1000);
          this.at = Math.min(this.end, this.at + steps);
          this.due += 1000 * steps / this.pace;
        }
        if (this.run.done && this.at >= this.end) this.playing = false;
        else if (this.pace && this.at < this.end) this.wake();
      }
      this.draw();
    }
    draw() {
      const run = this.run, end = this.end, over = run.done && this.at >= end;
      this.threads.show(this.at, over);
      if (run.done && run.trace && !this.charts) this.drawFigures();
      this.slider.max = end;
      this.slider.value = this.at;
      this.step.textContent = `${this.at} / ${end}`;
      this.play.textContent = this.playing ? "Pause" : over ? "Replay" : "Play";
      this.controls.hidden = !run.stepped;
      if (over !== this.concluded) this.conclude(over);
    }

    /* The verdicts are there: who was picked rises, and the answer is told. */
    conclude(over) {
      const run = this.run;
      this.concluded = over;
      this.threads.raise(over ? run.picked : null);
      this.node.dataset.state = !over ? "runs" : run.stopped ? "stopped" : "done";
      this.answer.replaceChildren();
      this.cost.textContent = over ? cost(run) : "";
      if (!over) return;
      if (run.stopped) this.answer.append(lace.element("span", { class: "hint" }, `Stopped after ${lace.count(this.end, "step")}.`));
      else if (run.answer === null) this.answer.append(lace.element("span", { class: "hint" }, "No thread has an answer."));
      else {
        const picked = run.picked !== null ? run.threads[run.picked] : null;
        this.answer.append(lace.element("span", { class: "hint" }, "Answer "), lace.element("strong", {}, run.answer));
        if (run.expected !== null) this.answer.append(" ", lace.element("span", { class: run.answer === run.expected ? "right" : "wrong" },
          run.answer === run.expected ? "right" : `wrong, it is ${run.expected}`));
        if (picked) {
          const why = picked.verdict === "best" && picked.p_best ? `thread ${run.picked + 1} was picked: best with probability ${lace.figure(picked.p_best)}` : `thread ${run.picked + 1} was picked`;
          this.answer.append(" ", lace.element("span", { class: "hint" }, why));
        }
      }
      this.onconclude?.();
    }

    /* ---- playing ---- */
    toggle() {
      if (this.playing) this.playing = false;
      else {
        if (this.at >= this.end) this.at = 0;
        if (!this.pace) this.pace = 30; /* once more at no pace would show nothing */
        this.playing = true;
        this.due = 0;
      }
      this.draw();
      this.wake();
    }
    seek(step) {
      this.playing = false;
      this.at = step;
      this.draw();
    }

    /* ---- the trace ---- */
    drawFigures() {
      const trace = this.run.trace, threads = this.run.threads;
      if (trace.layers.length) this.threads.paintTrace();
      this.legend.hidden = !trace.layers.length;
      this.charts = [];
      const chart = (options) => {
        const lines = new lace.Lines(options);
        this.charts.push(lines);
        return lines.node;
      };
      if (!trace.layers.length) this.figures.append(lace.element("p", { class: "hint" }, "No thread saw another."));
      if (trace.flow?.length && threads.length > 1) this.figures.append(lace.element("div", { class: "who" },
        lace.flowFigure(trace.flow, trace.layers, `layer-${this.id}`), trace.influence ? lace.influenceFigure(trace.influence) : null));
      const over = lace.element("div", { class: "over" });
      if (trace.layers.length && threads.some((thread) => thread.gate)) {
        const layers = trace.gates?.map((g) => `layer ${g.layer}: ${g.mean.toFixed(2)} (${g.min.toFixed(2)} to ${g.max.toFixed(2)})`).join(", ");
        over.append(chart({ title: "Gate", threads: true, note: layers ? `mean, and range: ${layers}` : "", lines: threads.map((thread, n) => ({ values: thread.gate ?? [], times: thread.times, colour: lace.colour(n) })) }));
      }
      const told = (values) => values?.some((value) => value !== null);
      if (told(trace.agreement)) {
        const span = Math.max(1, Math.round(trace.agreement.length / 50));
        over.append(chart({ title: "Agreement", note: `share of the pairs that write the same token; mean of ${lace.count(2 * span + 1, "step")}`, most: 1, lines: [
          { values: trace.agreement, colour: "var(--soft)", raw: true }, { values: lace.smooth(trace.agreement, span), colour: "var(--ink)" }] }));
      }
      if (told(trace.diversity)) over.append(chart({ title: "Diversity", note: "distance of the threads\u2019 states, mean over pairs", lines: [{ values: trace.diversity, colour: "var(--ink)" }] }));
      this.figures.append(over);
      this.figures.hidden = false;
    }
  };
}
