"""The official OpenAI client: both routes, streaming and not, several choices, threads, log-probabilities, errors as
its exceptions, and its asynchronous twin. Run by scripts/check_clients.sh, which has the package."""
import asyncio

import openai

from harness import *

MESSAGES = [{"role": "user", "content": PROBLEM}]

with Server("--api-key", "right", "--queue", "1", "--rows", "16") as s:
    client = openai.OpenAI(base_url=f"{s.address}/v1", api_key="right", max_retries=0)
    alone = said(lace_run(PROBLEM, "--threads", 1)["threads"][0])
    want = lace_run(PROBLEM, "--threads", 4)
    picked = said(want["threads"][want["picked"]])

    models = client.models.list()
    same("models", [m.id for m in models], ["lace-search"])
    same("one of them", client.models.retrieve("lace-search").id, "lace-search")

    a = client.chat.completions.create(model="lace-search", messages=MESSAGES)
    same("a chat", [a.choices[0].message.role, a.choices[0].message.content, a.choices[0].finish_reason],
         ["assistant", alone, "stop"])
    same("  usage", [a.usage.prompt_tokens + a.usage.completion_tokens, a.usage.prompt_tokens_details.cached_tokens >= 0],
         [a.usage.total_tokens, True])
    a = client.completions.create(model="lace-search", prompt=PROBLEM)
    same("a completion", a.choices[0].text, alone)
    a = client.chat.completions.create(model="lace-search", messages=MESSAGES, n=2, seed=11, temperature=1,
                                       max_completion_tokens=40, stop=["yes"], user="me", top_p=0.99)
    same("two choices", [c.index for c in a.choices], [0, 1])
    a = client.chat.completions.create(model="lace-search", messages=MESSAGES,
                                       extra_body={"lace": {"threads": 4, "return_threads": True}})
    same("four threads", [a.choices[0].message.content, a.choices[0].lace["picked"], a.choices[0].lace["threads"]],
         [picked, want["picked"], want["threads"]])
    same("  usage of each", a.usage.completion_tokens_per_thread, [[t["tokens"] for t in want["threads"]]])
    a = client.chat.completions.create(model="lace-search", messages=MESSAGES, logprobs=True, top_logprobs=3, max_tokens=8)
    same("log-probabilities", ["".join(t.token for t in a.choices[0].logprobs.content),
                               {len(t.top_logprobs) for t in a.choices[0].logprobs.content}],
         [a.choices[0].message.content, {3}])
    a = client.completions.create(model="lace-search", prompt=PROBLEM, logprobs=2, max_tokens=8)
    same("  the older kind", "".join(a.choices[0].logprobs.tokens), a.choices[0].text)

    def collect(stream):
        text, finish, usage = {}, {}, None
        for chunk in stream:
            for c in chunk.choices:
                piece = c.delta.content if hasattr(c, "delta") else c.text
                text[c.index] = text.get(c.index, "") + (piece or "")
                finish[c.index] = c.finish_reason or finish.get(c.index)
            usage = getattr(chunk, "usage", None) or usage
        return text, finish, usage

    text, finish_, usage = collect(client.chat.completions.create(model="lace-search", messages=MESSAGES, stream=True,
                                                                  stream_options={"include_usage": True}))
    same("a stream", [text, finish_, usage.total_tokens > usage.prompt_tokens], [{0: alone}, {0: "stop"}, True])
    same("a stream of a completion", collect(client.completions.create(model="lace-search", prompt=PROBLEM, stream=True))[0], {0: alone})
    same("a stream of a group", collect(client.chat.completions.create(
        model="lace-search", messages=MESSAGES, stream=True, extra_body={"lace": {"threads": 4}}))[0], {0: picked})
    same("a stream of every thread", collect(client.chat.completions.create(
        model="lace-search", messages=MESSAGES, stream=True, extra_body={"lace": {"threads": 4, "stream_threads": True}}))[0],
        {i: said(t) for i, t in enumerate(want["threads"])})
    stream = client.chat.completions.create(model="lace-search", messages=MESSAGES, stream=True, temperature=3, max_tokens=1900)
    next(iter(stream))
    stream.close()
    ok("one that is closed frees its row", s.until(lambda: "\nlace_rows_taken 0\n" in s.get("/metrics", headers={"X-API-Key": "right"}).text))

    def raises(name, kind, part, **fields):
        try:
            (fields.pop("client", client)).chat.completions.create(**dict(dict(model="lace-search", messages=MESSAGES), **fields))
            ok(name, False, "nothing was raised")
        except kind as e:
            ok(name, part in str(e), str(e))
        except openai.OpenAIError as e:
            ok(name, False, repr(e))
    raises("a wrong key", openai.AuthenticationError, "API key", client=client.with_options(api_key="wrong"))
    raises("a wrong field", openai.BadRequestError, "temperature", temperature=-1)
    raises("a wrong model", openai.NotFoundError, "lace-search", model="gpt-4")
    raises("an unknown format", openai.BadRequestError, "response_format", response_format={"type": "json_object"})
    raises("a wrong thread count", openai.BadRequestError, "lace.threads", extra_body={"lace": {"threads": 1000}})

    async def many():
        twin = openai.AsyncOpenAI(base_url=f"{s.address}/v1", api_key="right", max_retries=20)
        answers = await asyncio.gather(*(twin.chat.completions.create(
            model="lace-search", messages=MESSAGES, extra_body={"lace": {"threads": 4}}) for _ in range(12)))
        return {a.choices[0].message.content for a in answers}
    same("twelve at once, some refused at first and tried again", asyncio.run(many()), {picked})

finish()
