"""Asks the service at an address for a verdict and its devices: the processor must have done all of it, and say why.

Usage: windows.py ADDRESS
"""

import json
import sys
import urllib.request

TEXT = "You are a worthless piece of shit and everybody hates you."


def ask(url: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=120) as answer:
        return json.load(answer)


def main() -> None:
    (address,) = sys.argv[1:]
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


main()
