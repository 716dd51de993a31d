"""The service under one and under many clients: starts `lamassu serve`, asks, compares, stops it.

    python3 benches/clients.py target/release/lamassu TEXTS.jsonl[.gz]

Prints how long the start took, the latency of one client on texts it has not seen, throughput and latency of 32
clients, whether the verdicts are those of `moderate --jsonl`, and the memory behind that.
"""

import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import local

CLIENTS = 32
WORDS = "the printer works again and we had a very nice lunch near the river before our train left for home this morning".split()


def main() -> None:
    binary, file = sys.argv[1:]
    opened = gzip.open(file, "rt", encoding="utf-8") if file.endswith(".gz") else open(file, encoding="utf-8")
    texts = [json.loads(line)["text"] for line in opened]
    with tempfile.TemporaryDirectory() as data:
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        done = subprocess.run([binary, "--data", data, "moderate", "--jsonl"], input=lines, capture_output=True, text=True, check=False)
        expected = [json.loads(line) for line in done.stdout.splitlines()]
        print("moderate --jsonl:", done.stderr.strip())
        began = time.perf_counter()
        server = subprocess.Popen([binary, "--data", data, "serve", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        try:
            listening = next(line for line in server.stderr if line.startswith("listening on "))
            measure(server.pid, listening.strip().rpartition("/")[2], began, texts, expected)
        finally:
            server.terminate()
            server.wait(30)


def measure(pid: int, address: str, began: float, texts: list[str], expected: list[dict]) -> None:
    kept = local()

    def ask(text: str) -> tuple[float, int, dict]:
        if not hasattr(kept, "connection"):
            kept.connection = HTTPConnection(address, timeout=60)
        start = time.perf_counter()
        kept.connection.request("POST", "/v1/lamassu/moderate", json.dumps({"text": text}), {"content-type": "application/json"})
        answer = kept.connection.getresponse()
        body = json.loads(answer.read())
        return time.perf_counter() - start, answer.status, body

    while True:
        connection = HTTPConnection(address, timeout=10)
        connection.request("GET", "/readyz")
        if connection.getresponse().status == 200:
            break
        time.sleep(0.005)
    print(f"ready after {time.perf_counter() - began:.2f} s")
    draw = random.Random(1)
    made = [" ".join(draw.choice(WORDS) for _ in range(30)) for _ in range(420)]
    report("one client, new texts of 32 tokens", [ask(text)[0] for text in made][20:])
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, texts))
    took = time.perf_counter() - began
    report(f"{CLIENTS} clients, {len(texts) / took:.0f} texts/s", [seconds for seconds, _, _ in answers])
    lost = sum(status != 200 for _, status, _ in answers)
    both = [(want, got) for want, (_, status, got) in zip(expected, answers) if status == 200]
    other = sum(want["action"] != got["action"] for want, got in both)
    apart = max(abs(score["score"] - got["categories"][name]["score"]) for want, got in both for name, score in want["categories"].items())
    print(f"lost {lost}, other action {other}, greatest difference of a score {apart}")
    status = open(f"/proc/{pid}/status", encoding="ascii").read().splitlines()
    print(*(line for line in status if line.startswith("RssAnon")))


def report(what: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    print(f"{what}: p50 {ordered[len(ordered) // 2] * 1000:.1f} ms, p99 {ordered[len(ordered) * 99 // 100] * 1000:.1f} ms")


if __name__ == "__main__":
    main()
