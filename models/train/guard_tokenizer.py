"""The guard's own BPE tokenizer: byte fallback, Llama 2's control tokens, normalizer and decoder.

Trained on the open data (rows that are not held out) and the policy library. The constant lines of the
prompt are learned as few long pieces: they cost three dozen tokens otherwise, with every text.

    python guard_tokenizer.py --data FOLDER --out FOLDER
"""

import argparse
import json
import re
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import guard_prompt as prompt
from features import is_held_out, normalized
from sources import ODD, TRAINED_ON, all_rows, read

VOCABULARY = 8000
ALPHABET = 300
CONTROL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{value:02X}>" for value in range(256)]
LIBRARY = Path(__file__).resolve().parents[2] / "policies" / "library"
# Plain text beside the moderation rows, with the characters taken from each.
PLAIN = {"klexikon_train": 1_500_000, "squality_train": 800_000, "scitldr_train": 300_000}
# German is scarce: its rows are read this often.
GERMAN = 3
TEMPLATE_WEIGHT = 30_000


def rulings() -> list[tuple[str, str]]:
    """Merges that make a precedent's action and similarity, as in `[P1] block 0.9`, one piece: `]▁block▁0.9`.

    They come last, so that text is hardly touched: only `] block 0.9` itself, which callers' text may not hold.
    """
    merges = [("▁", "0"), ("▁0", "."), ("▁", "1"), ("▁1", ".")]
    merges += [(f"▁{number[:2]}", number[2]) for number in prompt.SIMILARITIES]
    for action in prompt.ACTIONS:
        merges.append(("]", f"▁{action}"))
        merges += [(f"]▁{action}", f"▁{number}") for number in prompt.SIMILARITIES]
    return merges


def appended(rules: dict) -> dict:
    """The rulings' pieces in place of the last ones learned."""
    vocabulary, merges = rules["model"]["vocab"], [tuple(pair) for pair in rules["model"]["merges"]]
    new = rulings()
    dropped = {piece for piece, number in vocabulary.items() if number >= VOCABULARY - len(new)}
    merges = [pair for pair in merges if "".join(pair) not in dropped]
    vocabulary = {piece: number for piece, number in vocabulary.items() if piece not in dropped}
    for pair in new:
        if "".join(pair) not in vocabulary:
            vocabulary["".join(pair)] = len(vocabulary)
            merges.append(pair)
    # What was there already leaves places free: unused pieces keep the numbers dense.
    while len(vocabulary) < VOCABULARY:
        vocabulary[f"<unused{len(vocabulary)}>"] = len(vocabulary)
    rules["model"] |= {"vocab": vocabulary, "merges": [list(pair) for pair in merges]}
    return rules


def pieces_of_the_template() -> list[str]:
    """The constant strings that are to become single pieces, roles left out."""
    lines = [prompt.TASK, prompt.FINAL, "\n\n" + prompt.END_CONVERSATION + "\n\n", "\n" + prompt.END_CLAUSES + "\n\n", "\n" + prompt.END_PRECEDENTS + "\n\n"]
    lines += [prompt.BEGIN_CATEGORIES, prompt.END_CATEGORIES, prompt.BEGIN_CLAUSES, prompt.BEGIN_PRECEDENTS, prompt.BEGIN_CONVERSATION, "\n\n"]
    parts = [part for line in lines for part in line.split("{role}")]
    return sorted((part.strip(" '").replace(" ", "▁") for part in parts), key=len, reverse=True)


def corpus(data: Path):
    """Texts to learn from, one at a time, in a fixed order."""
    template = prompt.prefix() + prompt.suffix("Hi", [prompt.Precedent("block", ["hate"], 0.9, "Hi")], [prompt.Clause("hate", "Hi")])
    for _ in range(TEMPLATE_WEIGHT):
        yield template
    for action in ("allow", "flag", "review", "block"):
        for number in range(1, 18):
            # As first and as further code of an answer, and in a precedent.
            yield from [f"{prompt.UNSAFE}\nO{number},O{number}\n{prompt.SAFE}\n[P1] {action} O{number} (0.{number % 10}): "] * 3000
    for path in sorted(LIBRARY.glob("*.toml")):
        yield from path.read_text(encoding="utf-8").splitlines()
    for row in all_rows(data):
        if row.source in TRAINED_ON and row.source not in ODD and not row.held_out:
            yield from [row.text] * (GERMAN if row.lang == "de" else 1)
    for source, characters in PLAIN.items():
        for raw in read(data / f"{source}.jsonl.gz"):
            if characters > 0 and raw["text"] and not is_held_out(raw["id"]):
                yield normalized(raw["text"])[:20_000]
                characters -= len(raw["text"])


def trained(data: Path) -> Tokenizer:
    """The tokenizer as tokenizer.json holds it."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    template = "|".join("▁?" + re.escape(part).replace("\\▁", "▁").replace("\\\n", "\n") for part in pieces_of_the_template())
    # Words, single digits, category codes and runs of marks: as SentencePiece splits when it trains.
    words = r"▁?O1?[0-9](?![0-9])|▁*\p{L}+|▁?\p{N}|\n+|▁+|▁?[^\p{L}\p{N}▁\n]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(f"{template}|{words}"), behavior="isolated")
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=CONTROL + BYTES, limit_alphabet=ALPHABET, min_frequency=3, show_progress=False, max_token_length=160
    )
    tokenizer.train_from_iterator(corpus(data), trainer)
    # Only the control tokens are matched in text, and nothing splits text any more: as in Llama 2's file.
    rules = json.loads(tokenizer.to_str())
    rules["added_tokens"] = [token for token in rules["added_tokens"] if token["content"] in CONTROL]
    rules["pre_tokenizer"] = None
    rules = appended(rules)
    tokenizer = Tokenizer.from_str(json.dumps(rules))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    tokenizer = trained(options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    rules = json.loads(tokenizer.to_str())
    (options.out / "tokenizer.json").write_text(json.dumps(rules, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    for piece, number in zip(CONTROL, range(3)):
        assert tokenizer.token_to_id(piece) == number
    for text in (prompt.prefix(), prompt.suffix("Hello there, you."), prompt.answer(True, ["hate", "profanity", "sexual"])):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        print(len(encoding.ids), encoding.tokens)
    print(tokenizer.get_vocab_size(), "pieces")


if __name__ == "__main__":
    main()
