"use strict";
/* Asks the server for a run, and writes what comes into it while it comes. */
{
  const sentence = async (response) => {
    let message = "";
    try {
      message = (await response.json()).error.message;
    } catch (error) {
      message = `The server answered ${response.status} ${response.statusText}.`;
    }
    const wait = response.headers.get("Retry-After");
    return wait ? `${message} Try again in ${lace.count(Number(wait), "second")}.` : message;
  };

  const request = async (path, key, options = {}) => {
    const headers = { "Content-Type": "application/json" };
    if (key) headers.Authorization = `Bearer ${key}`;
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new lace.Complaint(`The server at ${location.host || "this address"} does not answer; is lace serve running?`);
    }
    if (response.ok) return response;
    const complaint = new lace.Complaint(await sentence(response));
    complaint.status = response.status;
    throw complaint;
  };

  /* {id, lace: {lattice, max_threads}} */
  lace.askModel = async (key) => (await (await request("v1/models", key)).json()).data[0];

  const body = (run) => {
    const s = run.settings;
    const own = { threads: s.threads, lattice: s.lattice, pick: s.pick, stream_threads: true };
    if (s.visible) own.visible = s.visible;
    if (s.budget) own.budget = s.budget;
    if (s.trace) own.trace = true;
    const asked = {
      messages: [{ role: "user", content: run.prompt }], stream: true, stream_options: { include_usage: true },
      logprobs: true, seed: s.seed, lace: own,
    };
    if (s.temperature !== null) asked.temperature = s.temperature;
    return JSON.stringify(asked);
  };

  /* A piece for each token: the bytes of a character that two tokens share come with the second. */
  const addTokens = (thread, tokens) => {
    thread.decoder ??= new TextDecoder();
    for (const token of tokens) {
      thread.pieces.push(thread.decoder.decode(Uint8Array.from(token.bytes ?? []), { stream: true }));
      thread.logprobs.push(token.logprob);
    }
  };

  const endThread = (run, thread, own) => {
    thread.over = true;
    thread.text = own.text;
    thread.answer = own.answer;
    thread.verdict = own.verdict;
    thread.p_best = own.p_best;
    thread.tokens = own.tokens;
    thread.logprob = own.logprob;
    thread.cut = own.cut;
    if (own.picked) {
      run.picked = own.thread;
      run.answer = own.answer;
    }
  };

  const take = (run, event) => {
    if (event.error) throw new lace.Complaint(event.error.message);
    for (const choice of event.choices) {
      const thread = run.threads[choice.index];
      if (choice.logprobs?.content) addTokens(thread, choice.logprobs.content);
      if (choice.lace) endThread(run, thread, choice.lace);
      run.rawTrace ??= choice.lace?.trace;
    }
    run.rawTrace ??= event.trace;
    run.model = event.model;
    if (event.usage) {
      run.usage = event.usage;
      run.timings = event.timings;
      run.tokens = event.usage.completion_tokens;
      run.seconds = event.timings.predicted_ms / 1000;
    }
  };

  /* The events of a stream of bytes: "data: " and JSON, with a blank line behind each. */
  const events = async function* (stream) {
    const reader = stream.getReader(), decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const parts = rest.split("\n\n");
      rest = parts.pop();
      for (const part of parts) if (part.startsWith("data: ")) yield part.slice(6);
      if (done) return;
    }
  };

  /* Runs until the end or the signal; changed() is called whenever there is more. Throws a Complaint, or AbortError. */
  lace.ask = async (run, key, signal, changed) => {
    const response = await request("v1/chat/completions", key, { method: "POST", body: body(run), signal });
    let complete = false;
    try {
      for await (const data of events(response.body)) {
        if (data === "[DONE]") complete = true;
        else take(run, JSON.parse(data));
        changed();
      }
    } catch (error) {
      if (error.name === "AbortError" || error instanceof lace.Complaint) throw error;
      throw new lace.Complaint("The connection to the server broke off before the run had ended.");
    }
    if (!complete) throw new lace.Complaint("The server ended the connection before the run had ended.");
    if (run.rawTrace) lace.takeTrace(run, run.rawTrace);
    else lace.joinTrace(run);
    run.done = true;
    changed();
  };
}
