"""Which whole sources are left out together.

Every category that two open sources annotate has one in either half. `spam`, `pii`, both identity templates (made alike) and the
self-harm questions stand in one half only; the project's own rows are in training with both halves and are judged apart, but for the harmless talk.
"""

from sources import BENIGN, OWN, TALK

HALVES = {
    "A": {
        "ailuminate_demo_en", "civil_toxic_typed", "clinc150_queries", "davidson2017", "germeval2018_train", "hatemojibuild", "jailbreak_in_the_wild",
        "sms_spam", "stormfront_sentences", "surge_profanity_lexicon", "wikipedia_en_recent", "xquad_en_open", TALK,
    },
    "B": {
        "advbench", "banking77_queries", "bipia_email_train", "counselchat_questions", "cyberseceval_prompt_injection",
        "cyberseceval_prompt_injection_ml", "dolly_1000", "edos_sexism", "identity_templates_de", "identity_templates_en", "iwg_refugees_de",
        "ldnoobw_lexicon", "paradetox", "presidio_synth_v2", "rtp_top100_weak", "toxigen_annotated", "wikipedia_de_paragraphs", "xquad_de_open",
    },
}
# Odd forms of a harmless source stand where it stands; those of our own rows are in training with both.
HALVES = {half: found | {f"odd/{source}" for source in found & set(BENIGN)} for half, found in HALVES.items()}
ALWAYS = OWN | {"odd/own"}
# `final` is what is shipped. surge_toxicity is in none of them.
SEEN = {half: sources | ALWAYS for half, sources in HALVES.items()} | {"final": HALVES["A"] | HALVES["B"] | ALWAYS}
OTHER = {"A": "B", "B": "A"}
