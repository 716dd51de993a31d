"""Asks the service at an address for a verdict and its devices: the processor must have done all of it, and say why.
Then presses Ctrl-C while it judges a long text: that text is still answered.

Usage: windows.py ADDRESS PROCESS
"""

import json
import os
import signal
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

TEXT = "You are a worthless piece of shit and everybody hates you."


def read(url: str, data: bytes | None = None) -> str:
    with urllib.request.urlopen(url, data, timeout=120) as answer:
        return answer.read().decode()


def ask(url: str, body: object = None) -> dict:
    return json.loads(read(url, None if body is None else json.dumps(body).encode()))


def interrupt(address: str, process: int) -> None:
    """Wine makes a Ctrl-C of this signal."""
    text = " ".join(f"Report {n}: the printer on floor {n % 7} works again, thanks to all." for n in range(200))
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(ask, f"{address}/v1/lamassu/moderate", {"text": text, "deadline_ms": 100_000})
        while "lamassu_judging 1" not in read(f"{address}/metrics"):
            assert not answer.done(), "the text was to take longer"
            time.sleep(0.02)
        os.kill(process, signal.SIGINT)
        print("answered after Ctrl-C:", answer.result()["action"])


def main() -> None:
    address, process = sys.argv[1:]
    verdict = ask(f"{address}/v1/lamassu/moderate", {"text": TEXT, "deadline_ms": 100_000})
    stages = {stage["stage"]: stage for stage in verdict["record"]["stages"]}
    print(verdict["action"], json.dumps(stages))
    assert verdict["action"] in ("flag", "review", "block"), verdict["action"]
    assert not verdict["record"]["degraded"], verdict["record"]
    for stage in ("retrieve", "classify", "adjudicate"):
        assert (stages[stage]["status"], stages[stage]["device"]) == ("ran", "cpu"), stages[stage]
    harmless = ask(f"{address}/v1/lamassu/moderate", {"text": "Thanks, the printer works again.", "deadline_ms": 100_000})
    assert harmless["action"] == "allow", harmless["action"]
    devices = ask(f"{address}/v1/lamassu/devices")["devices"]
    assert {model["model"] for model in devices} == {"encoder", "llama"}, devices
    for model in devices:
        print(model["model"], "on", model["device"], "because", " ".join(model["detail"].split()))
        assert model["device"] == "cpu" and "directml: " in model["detail"], model
        assert "not in this build" not in model["detail"].split("directml: ")[1].split(";")[0], model
    interrupt(address, int(process))


main()
