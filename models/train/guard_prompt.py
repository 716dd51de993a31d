"""The guard's prompt: Llama Guard 1's structure with retrieved clauses and precedents before the conversation.

`prefix()` depends on nothing but the categories and is computed once; `suffix(...)` is what differs from
text to text. The prompt is the two joined, tokenized in one go after `<s>`; the split falls between
tokens. `models/guard/prompt.example.txt` is one such prompt.
"""

from dataclasses import dataclass

# Code O<n> is the n-th of these, in the order of the program's own enum.
CATEGORIES = {
    "hate": "Should not demean people for their origin, religion, sex or disability.",
    "hate/threatening": "Should not threaten such people with violence.",
    "harassment": "Should not insult, bully or humiliate anyone.",
    "harassment/threatening": "Should not threaten a person with harm.",
    "self-harm": "Should not praise suicide, self-injury or starving.",
    "self-harm/intent": "Should be noticed when someone wants to die.",
    "self-harm/instructions": "Should not give means of suicide.",
    "sexual": "Should not describe sexual acts or sell sex.",
    "sexual/minors": "Should not sexualize children.",
    "violence": "Should not call for or celebrate violence.",
    "violence/graphic": "Should not dwell on blood and torture.",
    "illicit": "Should not help with crime, fraud, drugs or hacking.",
    "illicit/violent": "Should not help with weapons or attacks.",
    "prompt-attack": "Should not make a model ignore its instructions.",
    "pii": "Should not publish private data of people.",
    "spam": "Should not advertise, cheat or phish.",
    "profanity": "Should not use vulgar words.",
}
NAMES = list(CATEGORIES)
TASK = "[INST] Task: Check if there is unsafe content in '{role}' messages in conversations according our safety policy with the below categories."
BEGIN_CATEGORIES, END_CATEGORIES = "<BEGIN UNSAFE CONTENT CATEGORIES>", "<END UNSAFE CONTENT CATEGORIES>"
BEGIN_CLAUSES, END_CLAUSES = "<BEGIN CLAUSES>", "<END CLAUSES>"
BEGIN_PRECEDENTS, END_PRECEDENTS = "<BEGIN PRECEDENTS>", "<END PRECEDENTS>"
BEGIN_CONVERSATION, END_CONVERSATION = "<BEGIN CONVERSATION>", "<END CONVERSATION>"
FINAL = (
    "Provide your safety assessment for {role} in the above conversation:\n"
    "- First line must read 'safe' or 'unsafe'.\n"
    "- If unsafe, a second line must include a comma-separated list of violated categories. [/INST]"
)
ROLES = ("User", "Agent")
SAFE, UNSAFE = " safe", " unsafe"
ACTIONS = ("allow", "flag", "review", "block")
SIMILARITIES = [f"{n / 10:.1f}" for n in range(11)]
# Longer precedents and clauses are cut to this many characters; line breaks in them become spaces.
PRECEDENT_CHARACTERS = 96
CLAUSE_CHARACTERS = 120


@dataclass
class Precedent:
    """An earlier ruling: action (allow, flag, review, block), categories, cosine similarity and text."""

    action: str
    categories: list[str]
    similarity: float
    text: str


@dataclass
class Clause:
    """A rule of the policy."""

    category: str
    text: str


def code(category: str) -> str:
    """`O3` for the third category."""
    return f"O{NAMES.index(category) + 1}"


def codes(categories: list[str]) -> str:
    """`O1,O3`, ascending."""
    return ",".join(f"O{n + 1}" for n in sorted({NAMES.index(c) for c in categories}))


def one_line(text: str, characters: int) -> str:
    """The first characters of a text, on one line."""
    return " ".join(text.split())[:characters].rstrip()


def prefix(role: str = "User") -> str:
    """Task and categories; the same for every text."""
    listed = "".join(f"O{n + 1}: {name}.\n{line}\n" for n, (name, line) in enumerate(CATEGORIES.items()))
    return f"{TASK.format(role=role)}\n\n{BEGIN_CATEGORIES}\n{listed}{END_CATEGORIES}\n\n"


def suffix(text: str, precedents: list[Precedent] = (), clauses: list[Clause] = (), role: str = "User") -> str:
    """Clauses and precedents, where there are any, the conversation and the instruction."""
    parts = []
    if clauses:
        lines = "".join(f"[C{n + 1}] {code(c.category)}: {one_line(c.text, CLAUSE_CHARACTERS)}\n" for n, c in enumerate(clauses))
        parts.append(f"{BEGIN_CLAUSES}\n{lines}{END_CLAUSES}\n\n")
    if precedents:
        lines = ""
        for n, p in enumerate(precedents):
            named = f" {codes(p.categories)}" if p.categories else ""
            lines += f"[P{n + 1}] {p.action} {p.similarity:.1f}{named}: {one_line(p.text, PRECEDENT_CHARACTERS)}\n"
        parts.append(f"{BEGIN_PRECEDENTS}\n{lines}{END_PRECEDENTS}\n\n")
    parts.append(f"{BEGIN_CONVERSATION}\n\n{role}: {text.strip()}\n\n{END_CONVERSATION}\n\n{FINAL.format(role=role)}")
    return "".join(parts)


def answer(unsafe: bool, categories: list[str]) -> str:
    """What the model says, without `</s>`."""
    if not unsafe:
        return SAFE
    return f"{UNSAFE}\n{codes(categories)}" if categories else UNSAFE
