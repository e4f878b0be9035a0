"use strict";
/* The form: what is asked of the server, which runs are shown, saving and loading. A page with a run inside, as `lace
 * inspect --html` writes it, has no server and shows the run alone. */
{
  const EXAMPLES = [
    ["three equations", "Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6.", "6"],
    ["four equations", "Find t (each from 1 to 8, mod 13): q*5+7=9, r*4+q=10, s*11+r=6, t*2+s=12.", "3"],
    ["four, 180 tokens a thread", "Find n (each from 1 to 8, mod 13): k*6+4=3, l*10+k=12, m*6+l=11, n*8+m=9.", "2", 180],
    ["five equations", "Find y (each from 1 to 8, mod 11): o*9+6=7, q*4+o=9, t*9+q=0, w*3+t=4, y*5+w=10.", "8"],
  ];
  const $ = (id) => document.getElementById(id);
  const inside = $("run-data"); /* the run of a file of its own */
  let shown = []; /* the views on the page */
  let running = null; /* AbortController of the runs that are under way */
  let model = null;

  /* ---- what is wrong ---- */
  const complain = (sentence) => {
    $("complaint").textContent = sentence ?? "";
    $("complaint").hidden = !sentence;
  };
  const explain = (error) => {
    if (!(error instanceof lace.Complaint)) {
      complain(`The page has a fault: ${error.message}`);
      throw error;
    }
    complain(error.message);
    if (error.status !== 401) return;
    $("more").open = true;
    $("key").focus();
  };

  /* ---- views ---- */
  const update = () => {
    const focus = document.activeElement;
    if (running) $("stop").hidden = false;
    else $("run").disabled = false;
    /* The focus goes with the button that is of use: a disabled or hidden one would lose it. */
    if (running && (focus === $("run") || focus === $("compare"))) $("stop").focus();
    if (!running && focus === $("stop")) $("run").focus();
    $("stop").hidden = running === null;
    $("run").disabled = $("compare").disabled = running !== null;
    $("compare").disabled ||= model?.lace.lattice === "none";
    $("save").disabled = running !== null || !shown.length;
  };
  const summary = () => {
    $("versus")?.remove();
    if (shown.length < 2 || !shown.every((view) => view.concluded)) return;
    const told = shown.map(({ run }) => {
      const what = run.stopped ? "was stopped" : run.answer === null ? "has no answer" : `answered ${run.answer}`;
      return `lattice ${run.settings.lattice} ${what}${run.steps ? ` after ${lace.count(run.steps, "step")}` : ""}`;
    });
    const text = `L${told.join("; ").slice(1)}.`;
    $("runs").prepend(lace.element("p", { id: "versus", class: "versus" }, text));
    $("news").textContent = text;
  };
  /* The problem of the runs, where the form does not show it already. */
  const hidePrompt = () => {
    const prompt = document.querySelector(".prompt");
    if (prompt) prompt.hidden = !inside && prompt.textContent === $("problem").value.trim();
  };
  const show = (runs, pace) => {
    lace.hideTip();
    shown = runs.map((run) => new lace.View(run, pace));
    for (const view of shown) view.onconclude = () => {
      $("news").textContent = view.answer.textContent;
      summary();
    };
    $("runs").replaceChildren(...[runs[0].prompt ? lace.element("p", { class: "prompt" }, runs[0].prompt) : null, ...shown.map((view) => view.node)].filter(Boolean));
    hidePrompt();
  };

  /* ---- running ---- */
  const number = (id) => ($(id).value === "" ? null : Number($(id).value));
  const readSettings = (lattice) => ({
    threads: number("threads"), lattice, temperature: number("temperature"), seed: number("seed"), pick: $("pick").value,
    visible: $("visible").value === "window" ? `window:${number("window")}` : $("visible").value || null,
    budget: number("budget"), trace: $("trace").checked,
  });
  const start = async (lattices) => {
    const prompt = $("problem").value.trim();
    complain(prompt ? "" : "Write a problem first, or take one of the examples.");
    if (!prompt) return $("problem").focus();
    if (running || !$("form").reportValidity()) return undefined;
    const expected = EXAMPLES.find((example) => example[1] === prompt)?.[2] ?? null;
    const runs = lattices.map((lattice) => Object.assign(lace.newRun(readSettings(lattice), prompt), { expected }));
    const control = running = new AbortController();
    show(runs, Number($("pace").value));
    update();
    const ends = await Promise.allSettled(shown.map((view) => lace.ask(view.run, $("key").value, control.signal, () => view.changed())));
    running = null;
    ends.forEach((end, i) => {
      if (end.status === "fulfilled") return;
      const view = shown[i];
      lace.joinTrace(view.run);
      view.run.stopped = view.run.done = true;
      if (!view.end) view.node.remove();
      view.changed();
      if (end.reason.name !== "AbortError") explain(end.reason);
    });
    shown = shown.filter((view) => view.end);
    return update();
  };

  /* ---- saving and loading ---- */
  const save = () => {
    const runs = shown.map((view) => view.run);
    const address = URL.createObjectURL(new Blob([lace.saveFile(runs)], { type: "application/json" }));
    const name = runs.length > 1 ? "lace-comparison.json" : `lace-${runs[0].settings.lattice}-seed-${runs[0].settings.seed ?? 0}.json`;
    lace.element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  const load = (text) => {
    try {
      const runs = lace.readFile(text);
      complain("");
      show(runs, 0);
      shown.forEach((view) => view.changed());
      if (runs[0].prompt) $("problem").value = runs[0].prompt;
      hidePrompt();
    } catch (error) {
      explain(error);
    }
    update();
  };
  const loadFile = async (file) => {
    if (!file) return;
    if (running) complain("A run is under way; stop it before another is loaded.");
    else if (file.size > lace.LIMITS.file) complain(`The file has ${file.size} bytes; a run has at most ${lace.LIMITS.file}.`);
    else load(await file.text());
  };

  /* ---- the form ---- */
  const takeModel = async () => {
    try {
      model = await lace.askModel($("key").value);
    } catch (error) {
      return explain(error);
    }
    complain("");
    const own = model.lace;
    $("model").textContent = `${model.id} · ${own.lattice === "none" ? "no lattice" : "with a lattice"} · up to ${lace.count(own.max_threads, "thread")}`;
    $("threads").max = own.max_threads;
    if (Number($("threads").value) > own.max_threads) $("threads").value = own.max_threads;
    if (own.lattice === "none") {
      document.querySelector("input[name=lattice][value=off]").checked = true;
      document.querySelector("input[name=lattice][value=on]").disabled = true;
    }
    return update();
  };
  const example = ([name, problem, , budget]) => lace.element("button", {
    type: "button", class: "link",
    click: () => {
      $("problem").value = problem;
      hidePrompt();
      $("budget").value = budget ?? "";
      if (budget) $("more").open = true;
    },
  }, name);
  const setUp = () => {
    $("form").hidden = false;
    $("problem").value = EXAMPLES[1][1];
    $("examples").append(...EXAMPLES.map(example));
    $("form").addEventListener("submit", (event) => {
      event.preventDefault();
      start([document.querySelector("input[name=lattice]:checked").value]);
    });
    $("compare").addEventListener("click", () => start(["on", "off"]));
    $("stop").addEventListener("click", () => running?.abort());
    $("problem").addEventListener("input", hidePrompt);
    $("draw").addEventListener("click", () => { $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0]; });
    $("visible").addEventListener("change", () => { $("window-field").hidden = $("window").disabled = $("visible").value !== "window"; });
    $("more").addEventListener("invalid", () => { $("more").open = true; }, true); /* else nobody saw what is wrong */
    $("pace").addEventListener("change", () => shown.forEach((view) => { view.pace = Number($("pace").value); view.wake(); }));
    $("key").addEventListener("change", takeModel);
    $("save").addEventListener("click", save);
    $("load").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => {
      loadFile($("file").files[0]);
      $("file").value = "";
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
    });
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      loadFile(event.dataTransfer.files[0]);
    });
    takeModel();
  };

  window.addEventListener("scroll", lace.hideTip, { passive: true });
  if (inside) load(inside.textContent);
  else setUp();
}
