"""onnxruntime-genai on the peers' work: `genai.py FOLDER [NAME=NUMBER…]`, a line of JSON as `lamassu model bench --json` prints."""

import sys

import onnxruntime_genai as genai
from shared import UNCACHED, Clock, Sizes, report, rss_anon, tokens


def generator(model: genai.Model, length: int, batch: int = 1) -> genai.Generator:
    params = genai.GeneratorParams(model)
    params.set_search_options(max_length=length, min_length=length, batch_size=batch, do_sample=False)
    return genai.Generator(model, params)


def main() -> None:
    folder, sizes = sys.argv[1], Sizes.of(sys.argv[2:])
    config = genai.Config(folder)
    config.overlay('{"model":{"decoder":{"session_options":{"intra_op_num_threads":%d,"session.intra_op.allow_spinning":"0"}}}}' % sizes.threads)
    clock = Clock()
    model = genai.Model(config)
    load, vocabulary = clock.stop(), 32_000
    whole = sizes.prefix + sizes.suffix
    reader = generator(model, max(whole + sizes.new, sizes.prefill))

    reader.append_tokens(tokens(vocabulary, 3000, sizes.prefill))
    clock = Clock()
    for item in range(UNCACHED):
        reader.rewind_to(0)
        reader.append_tokens(tokens(vocabulary, 3001 + item, sizes.prefill))
    prefill = clock.stop() | {"items": UNCACHED, "tokens": UNCACHED * sizes.prefill}
    clock = Clock()
    for item in range(UNCACHED):
        reader.rewind_to(0)
        reader.append_tokens(tokens(vocabulary, 1000 + item, sizes.prefix) + tokens(vocabulary, item, sizes.suffix))
    uncached = clock.stop() | {"items": UNCACHED, "tokens": UNCACHED * whole}

    reader.rewind_to(0)
    reader.append_tokens(tokens(vocabulary, 0, sizes.prefix))
    clock = Clock()
    for item in range(sizes.items):
        reader.rewind_to(sizes.prefix)
        reader.append_tokens(tokens(vocabulary, item, sizes.suffix))
        reader.get_logits()
    score = clock.stop() | {"items": sizes.items, "tokens": sizes.items * sizes.suffix}
    after_score = rss_anon()

    generated = []
    for batch in sizes.batch:
        writer = generator(model, whole + sizes.new, batch)
        writer.append_tokens([tokens(vocabulary, 2000 + n, whole) for n in range(batch)])
        writer.generate_next_token()
        clock = Clock()
        for _ in range(sizes.new - 1):
            writer.generate_next_token()
        generated.append(clock.stop() | {"batch": batch, "tokens": batch * (sizes.new - 1)})
        del writer
    report(
        load=load, prefill=prefill, uncached=uncached, score=score, rss_anon_after_score=after_score, generate=generated, rss_anon_after_generate=rss_anon()
    )


if __name__ == "__main__":
    main()
