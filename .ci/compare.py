"""Judges the same texts through the service, 32 at a time, and compares with the command line's lines.

Usage: compare.py INPUT.jsonl LINES.jsonl ADDRESS
"""

import json
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

# Scores may differ by what batching does to floating-point sums, and by rounding to four decimals.
TOLERANCE = 0.0011


def main() -> int:
    inputs, lines, address = sys.argv[1:]
    rows = [json.loads(line) for line in open(inputs, encoding="utf-8")]
    expected = [json.loads(line) for line in open(lines, encoding="utf-8")]
    assert [row["id"] for row in rows] == [line["id"] for line in expected], "order or ids differ"
    for line in expected:
        record = line["record"]
        assert line["categories"] and record["stages"] and not record["degraded"], line["id"]

    def ask(row: dict) -> dict:
        body = json.dumps({"text": row["text"]}).encode()
        request = urllib.request.Request(f"{address}/v1/lamassu/moderate", body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, rows))
    worst = 0.0
    for line, answer in zip(expected, answers):
        for name, one in line["categories"].items():
            worst = max(worst, abs(one["score"] - answer["categories"][name]["score"]))
        assert line["action"] == answer["action"] or worst > 0, line["id"]
    print(f"{len(answers)} of {len(rows)} texts answered by both; greatest difference of a score {worst:.6f}")
    return 0 if worst <= TOLERANCE and len(answers) == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
