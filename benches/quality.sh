#!/usr/bin/env bash
# Prints every table of QUALITY.md as Markdown.
#
# Usage: benches/quality.sh [DATA]
#   DATA     folder of the open labelled sets; without it only what needs none is measured
#   LAMASSU  the command to measure; target/release/lamassu unless given
#   SAMPLE   so many texts of each file, by a hash of the id; all unless given (hours on two cores)
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-}
lamassu=${LAMASSU:-target/release/lamassu}
sample=${SAMPLE:+--sample $SAMPLE}
own=models/train/own

# One table: what it shows, and the command that prints it.
table() {
    local title=$1
    shift
    printf '\n### %s\n\n`lamassu %s`\n\n```text\n' "$title" "$*"
    # A text that was not judged in time makes the command fail; its table stands, with that said in it.
    "$lamassu" "$@" || printf '(exit status %s)\n' "$?"
    printf '```\n'
}

# The same for files of the open data: those that are there.
open() {
    local title=$1 options=$2 file files=()
    shift 2
    for file in "$@"; do
        if [ -n "$data" ] && [ -e "$data/$file.jsonl.gz" ]; then files+=("$data/$file.jsonl.gz"); fi
    done
    if [ ${#files[@]} -eq 0 ]; then
        printf '\n### %s\n\nNot measured: the data is not here.\n' "$title"
        return
    fi
    # The options are words of their own.
    # shellcheck disable=SC2086
    table "$title" eval $options $sample "${files[@]}"
}

printf '%s, %s\n' "$("$lamassu" --version)" "$(git describe --always --dirty 2>/dev/null || echo 'no repository')"

printf '\n## Harms\n'
open 'Labelled sets, rows that nothing shipped was fitted on' --held-out \
    civil_toxic_typed germeval2018_train edos_sexism davidson2017 hatemojibuild stormfront_sentences toxigen_annotated \
    iwg_refugees_de sms_spam presidio_synth_v2 surge_toxicity ailuminate_demo_en jailbreak_in_the_wild
# shellcheck disable=SC2086
table 'Our own rows, by language and length' eval --held-out $sample "$own"/*.jsonl

printf '\n## False alarms on harmless texts\n'
open 'Ordinary texts' '' clinc150_queries banking77_queries wikipedia_en_recent wikipedia_de_paragraphs dolly_1000
open 'Sentences about groups of people' '' identity_templates_en identity_templates_de

printf '\n## Disguises\n'
# shellcheck disable=SC2086
table 'The battery' eval --attacks $sample benches/attacks/en.jsonl benches/attacks/de.jsonl

printf '\n## Precedents\n'
for one in "self-harm-spam spam" "illicit-attack-pii illicit" "violence-threats-adult sexual"; do
    read -r file label <<<"$one"
    # shellcheck disable=SC2086
    table "A kind of harm that no head knows: $label" eval --learn "$label" $sample "$own/$file.jsonl"
done
