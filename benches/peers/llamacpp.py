"""llama.cpp on the peers' work: `llamacpp.py FILE.gguf [NAME=NUMBER…]`, a line of JSON as `lamassu model bench --json` prints.

Driven through its C interface: the high-level class of llama-cpp-python copies logits of every token.
"""

import sys

import llama_cpp as C
from shared import UNCACHED, Clock, Sizes, report, rss_anon, tokens


class Context:
    """A context with room for some sequences of some length."""

    def __init__(self, model, sizes: Sizes, sequences: int):
        params = C.llama_context_default_params()
        params.n_ctx = sequences * max(sizes.prefix + sizes.suffix + sizes.new, sizes.prefill)
        params.n_batch = params.n_ubatch = 512
        params.n_seq_max = sequences
        params.n_threads = params.n_threads_batch = sizes.threads
        self.raw = C.llama_init_from_model(model, params)
        self.memory = C.llama_get_memory(self.raw)

    def forget(self, sequence: int, start: int) -> None:
        C.llama_memory_seq_rm(self.memory, sequence, start, -1)

    def read(self, rows: list[tuple[int, int, list[int]]]) -> None:
        """Reads rows of (sequence, first position, ids); logits of each row's last token."""
        batch = C.llama_batch_init(512, 0, 1)
        todo = [(seq, start + n, id, n == len(ids) - 1) for seq, start, ids in rows for n, id in enumerate(ids)]
        for first in range(0, len(todo), 512):
            part = todo[first : first + 512]
            batch.n_tokens = len(part)
            for n, (seq, position, id, is_last) in enumerate(part):
                batch.token[n], batch.pos[n], batch.n_seq_id[n], batch.seq_id[n][0], batch.logits[n] = id, position, 1, seq, is_last
            assert C.llama_decode(self.raw, batch) == 0
        C.llama_batch_free(batch)

    def close(self) -> None:
        C.llama_free(self.raw)


def main() -> None:
    file, sizes = sys.argv[1], Sizes.of(sys.argv[2:])
    C.llama_backend_init()
    clock = Clock()
    model = C.llama_model_load_from_file(file.encode(), C.llama_model_default_params())
    load, vocabulary = clock.stop(), 32_000
    whole = sizes.prefix + sizes.suffix

    context = Context(model, sizes, 1)
    context.read([(0, 0, tokens(vocabulary, 3000, sizes.prefill))])
    clock = Clock()
    for item in range(UNCACHED):
        context.forget(0, 0)
        context.read([(0, 0, tokens(vocabulary, 3001 + item, sizes.prefill))])
    prefill = clock.stop() | {"items": UNCACHED, "tokens": UNCACHED * sizes.prefill}
    clock = Clock()
    for item in range(UNCACHED):
        context.forget(0, 0)
        context.read([(0, 0, tokens(vocabulary, 1000 + item, sizes.prefix) + tokens(vocabulary, item, sizes.suffix))])
    uncached = clock.stop() | {"items": UNCACHED, "tokens": UNCACHED * whole}
    context.forget(0, 0)
    context.read([(0, 0, tokens(vocabulary, 0, sizes.prefix))])
    clock = Clock()
    for item in range(sizes.items):
        context.forget(0, sizes.prefix)
        context.read([(0, sizes.prefix, tokens(vocabulary, item, sizes.suffix))])
    score = clock.stop() | {"items": sizes.items, "tokens": sizes.items * sizes.suffix}
    after_score = rss_anon()
    context.close()

    generated = []
    for batch in sizes.batch:
        context = Context(model, sizes, batch)
        for n in range(batch):
            context.read([(n, 0, tokens(vocabulary, 2000 + n, whole))])
        # Which token follows does not matter for the time; greedy choice over 32,000 logits is cheap in every engine.
        clock = Clock()
        for step in range(sizes.new - 1):
            context.read([(n, whole + step, [3 + step]) for n in range(batch)])
        generated.append(clock.stop() | {"batch": batch, "tokens": batch * (sizes.new - 1)})
        context.close()
    report(
        load=load, prefill=prefill, uncached=uncached, score=score, rss_anon_after_score=after_score, generate=generated, rss_anon_after_generate=rss_anon()
    )


if __name__ == "__main__":
    main()
