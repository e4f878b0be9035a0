"use strict";
/* A run, as `lace run --json` prints it and the page saves it: read from a file that may hold anything, checked member by
 * member, and brought into the one form that the views know. What is wrong is told in a sentence that names the place.
 *
 * {prompt, settings, answer, picked, expected, steps, seconds, tokens, done, stopped, trace,
 *  threads: [{pieces, times, logprobs, from, gate, answer, verdict, p_best, tokens, logprob, cut, over}]}
 * pieces[i] is what the thread wrote in step times[i]: every token its own step, but a thread that waits has a gap. times
 * null: step i. logprobs, from and gate are null, or have an entry for each piece. docs/trace.md has the trace. */
lace.Complaint = class extends Error {};

lace.LIMITS = { file: 256 << 20, threads: 128, tokens: 1 << 20, layers: 512 };

lace.newRun = (settings, prompt) => ({
  prompt, settings, answer: null, picked: null, expected: null, steps: null, seconds: null, tokens: null, done: false,
  stopped: false, trace: null, stepped: true, saved: null,
  threads: Array.from({ length: settings.threads }, () => lace.newThread()),
});
lace.newThread = () => ({
  pieces: [], times: null, logprobs: [], from: null, gate: null, answer: null, verdict: "", p_best: 0, tokens: 0, logprob: 0,
  cut: false, over: false, text: "",
});

/* ---- reading ---- */
{
  const wrong = (where, what) => { throw new lace.Complaint(`${where} ${what}`); };
  /* What is wrong with a thing of that name, as a sentence. */
  const naming = (sentence, read) => {
    try {
      return read();
    } catch (error) {
      throw error instanceof lace.Complaint ? new lace.Complaint(`${sentence}: ${error.message}.`) : error;
    }
  };
  const isObject = (x) => typeof x === "object" && x !== null && !Array.isArray(x);

  const object = (x, where) => (isObject(x) ? x : wrong(where, "is not an object"));
  const number = (x, where, low = -Infinity, high = Infinity) => {
    if (typeof x !== "number" || !Number.isFinite(x)) wrong(where, "is not a number");
    if (x < low || x > high) wrong(where, `is ${x}, which is not from ${low} to ${high}`);
    return x;
  };
  const whole = (x, where, low, high) => (Number.isInteger(number(x, where, low, high)) ? x : wrong(where, "is not a whole number"));
  const text = (x, where) => (typeof x === "string" ? x : wrong(where, "is not a text"));
  const list = (x, where, length, most = lace.LIMITS.tokens) => {
    if (!Array.isArray(x)) wrong(where, "is not a list");
    if (length !== undefined && x.length !== length) wrong(where, `has ${x.length} entries where ${length} belong`);
    if (x.length > most) wrong(where, `has ${x.length} entries; ${most} are too many`);
    return x;
  };
  const numbers = (x, where, length, low, high) => {
    list(x, where, length);
    x.forEach((one, i) => number(one, `${where}[${i}]`, low, high));
    return x;
  };
  /* Numbers, and null where there is none. */
  const gapped = (x, where, length) => {
    list(x, where, length);
    x.forEach((one, i) => one === null || number(one, `${where}[${i}]`));
    return x;
  };
  const optional = (read, x, ...more) => (x === undefined || x === null ? null : read(x, ...more));

  const MASS = 1.001; /* shares add up to 1; printed with few digits they may come to a little more */

  /* The trace of a thread: what each of its tokens drew from each thread. */
  const readTracedThread = (x, where, threads) => {
    object(x, where);
    const pieces = list(x.pieces, `${where}.pieces`);
    pieces.forEach((piece, i) => text(piece, `${where}.pieces[${i}]`));
    const from = list(x.from, `${where}.from`, pieces.length);
    from.forEach((row, t) => {
      numbers(row, `${where}.from[${t}]`, threads, 0, MASS);
      if (row.reduce((a, b) => a + b, 0) > MASS + 0.001 * threads) wrong(`${where}.from[${t}]`, "adds up to more than 1");
    });
    const times = optional(numbers, x.time, `${where}.time`, pieces.length, 0, lace.LIMITS.tokens);
    if (times) times.forEach((time, i) => {
      whole(time, `${where}.time[${i}]`);
      if (i && time <= times[i - 1]) wrong(`${where}.time[${i}]`, "does not come after the one before");
    });
    return {
      pieces, from, times,
      gate: optional(numbers, x.gate, `${where}.gate`, pieces.length, 0, MASS),
      logprobs: optional(gapped, x.logprob, `${where}.logprob`, pieces.length),
    };
  };

  const readTrace = (x, threads) => {
    object(x, "trace");
    const layers = list(x.layers, "trace.layers", undefined, lace.LIMITS.layers);
    layers.forEach((layer, i) => whole(layer, `trace.layers[${i}]`, 0, 1e6));
    const traced = list(x.threads, "trace.threads", threads).map((t, n) => readTracedThread(t, `trace.threads[${n}]`, threads));
    const flow = optional(list, x.flow, "trace.flow", layers.length);
    if (flow) flow.forEach((matrix, l) => {
      list(matrix, `trace.flow[${l}]`, threads);
      matrix.forEach((row, n) => numbers(row, `trace.flow[${l}][${n}]`, threads, 0));
    });
    const gates = optional(list, x.gates, "trace.gates", undefined, lace.LIMITS.layers);
    if (gates) gates.forEach((gate, i) => {
      object(gate, `trace.gates[${i}]`);
      whole(gate.layer, `trace.gates[${i}].layer`, 0, 1e6);
      for (const key of ["mean", "min", "max"]) number(gate[key], `trace.gates[${i}].${key}`);
    });
    const influence = optional(object, x.influence, "trace.influence");
    if (influence) list(influence.mean, "trace.influence.mean", threads)
      .forEach((row, m) => numbers(row, `trace.influence.mean[${m}]`, threads));
    return {
      layers, flow, gates, threads: traced, influence: influence?.mean ?? null,
      agreement: optional(gapped, x.agreement, "trace.agreement"),
      diversity: optional(gapped, x.diversity, "trace.diversity"),
    };
  };

  const VERDICTS = ["", "best", "success", "fail"];
  const readThread = (x, where) => {
    object(x, where);
    const thread = lace.newThread();
    thread.text = text(x.text, `${where}.text`);
    thread.answer = optional(text, x.answer, `${where}.answer`);
    thread.verdict = x.verdict === undefined ? "" : x.verdict;
    if (!VERDICTS.includes(thread.verdict)) wrong(`${where}.verdict`, 'is none of "best", "success", "fail" and ""');
    thread.p_best = optional(number, x.p_best, `${where}.p_best`, 0, MASS) ?? 0;
    thread.tokens = optional(whole, x.tokens, `${where}.tokens`, 0, lace.LIMITS.tokens) ?? 0;
    thread.logprob = optional(number, x.logprob, `${where}.logprob`) ?? 0;
    thread.cut = x.cut === true;
    thread.over = true;
    const pieces = optional(list, x.pieces, `${where}.pieces`);
    if (pieces) pieces.forEach((piece, i) => text(piece, `${where}.pieces[${i}]`));
    thread.pieces = pieces ?? (lace.said(thread.text).match(/\s*\S+/g) || []);
    thread.logprobs = pieces ? optional(numbers, x.logprobs, `${where}.logprobs`, pieces.length) : null;
    return { thread, stepped: pieces !== null };
  };

  const readSettings = (x, run) => {
    const given = optional(object, x.settings, "settings") ?? {};
    const plain = (value) => (typeof value === "string" || typeof value === "number" ? value : null);
    return {
      threads: run.threads.length,
      lattice: typeof given.lattice === "string" ? given.lattice : x.lattice === "none" ? "off" : "on",
      temperature: plain(given.temperature ?? x.temperature), seed: plain(given.seed ?? x.seed),
      visible: plain(given.visible ?? x.visible), budget: plain(given.budget ?? x.budget), pick: plain(given.pick),
    };
  };

  const readRun = (x) => {
    object(x, "it");
    const run = lace.newRun({ threads: 0 }, optional(text, x.prompt, "prompt"));
    const read = list(x.threads, "threads", undefined, lace.LIMITS.threads).map((t, n) => readThread(t, `threads[${n}]`));
    if (!read.length) wrong("threads", "is empty");
    run.threads = read.map((one) => one.thread);
    run.stepped = read.every((one) => one.stepped);
    run.settings = readSettings(x, run);
    run.answer = optional(text, x.answer, "answer");
    run.picked = optional(whole, x.picked, "picked", 0, run.threads.length - 1);
    run.expected = optional(text, x.expected, "expected");
    run.stopped = x.stopped === true;
    const usage = optional(object, x.usage, "usage"), timings = optional(object, x.timings, "timings");
    if (usage) run.tokens = optional(whole, usage.completion_tokens, "usage.completion_tokens", 0, 1e12);
    if (timings) run.seconds = optional(number, timings.predicted_ms, "timings.predicted_ms", 0);
    if (run.seconds !== null) run.seconds /= 1000;
    run.trace = optional(readTrace, x.trace, run.threads.length);
    run.done = true;
    lace.joinTrace(run);
    run.saved = x;
    return run;
  };

  /* A file's runs: one, or the two of a comparison. */
  lace.readFile = (bytes) => {
    let root;
    try {
      root = JSON.parse(bytes);
    } catch (error) {
      throw new lace.Complaint("The file is not JSON; what `lace run --json` prints and what Save run writes can be loaded.");
    }
    return naming("The file is no run of lace", () => {
      if (!isObject(root) || root.runs === undefined) return [readRun(root)];
      if (!list(root.runs, "runs", undefined, 2).length) wrong("runs", "is empty");
      return root.runs.map(readRun);
    });
  };

  /* The trace that a server sent, checked as a file's is. */
  lace.takeTrace = (run, trace) => {
    run.trace = naming("The server's trace cannot be shown", () => readTrace(trace, run.threads.length));
    lace.joinTrace(run);
  };
}

/* A text without the verdict that ends it. */
lace.said = (text) => text.replace(/\[\[(?:best|success|fail)?\]?\]?$/, "");

/* A trace knows the pieces that the threads wrote: they take the place of what was guessed or streamed. */
lace.joinTrace = (run) => {
  if (run.trace) {
    run.trace.threads.forEach((traced, n) => {
      const thread = run.threads[n];
      Object.assign(thread, traced);
    });
    run.stepped = true;
  }
  run.steps = run.stepped ? lace.lastStep(run) : Math.max(0, ...run.threads.map((t) => t.tokens));
};
lace.lastStep = (run) => Math.max(0, ...run.threads.map((t) => (t.times?.length ? t.times[t.times.length - 1] + 1 : t.pieces.length)));

/* ---- saving ---- */
lace.saveRun = (run) => run.saved ?? {
  prompt: run.prompt, settings: run.settings, answer: run.answer, picked: run.picked, expected: run.expected ?? undefined,
  stopped: run.stopped || undefined,
  threads: run.threads.map((t) => ({
    text: t.text || t.pieces.join(""), answer: t.answer, verdict: t.verdict, p_best: t.p_best, tokens: t.tokens,
    logprob: t.logprob, cut: t.cut, pieces: run.rawTrace ? undefined : t.pieces,
    logprobs: run.rawTrace ? undefined : t.logprobs,
  })),
  usage: run.usage, timings: run.timings, model: run.model, lattice: run.settings.lattice, seed: run.settings.seed,
  trace: run.rawTrace,
};
lace.saveFile = (runs) => JSON.stringify(runs.length === 1 ? lace.saveRun(runs[0]) : { runs: runs.map(lace.saveRun) });
