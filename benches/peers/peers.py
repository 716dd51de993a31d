"""Lamassu beside onnxruntime-genai and llama.cpp on one LLaMA with random weights, in one run: CPU-seconds, wall, ratios.

    pip install -r requirements.txt
    python peers.py --lamassu ../../target/release/lamassu --hf FOLDER --work FOLDER [prefill=512 prefix=400 suffix=60 items=64 new=128 batch=1,4]

`--hf` is a Hugging Face folder, such as `random_llama.py` writes. Each engine has its own 4- or 8-bit form of the same weights,
made once in `--work`, two threads, and its own way to keep the prefix: `rewind_to`, `seq_rm`, ours. Each runs in a process of its
own, three times, in turn; the best of three counts.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
QUIET = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}


def made(options: argparse.Namespace) -> dict[str, list[str]]:
    """The three engines' commands, their models made where they are missing."""
    ours, genai, gguf = (options.work / name for name in ("lamassu", "genai-int4", "q4_k_m.gguf"))
    if not ours.exists():
        subprocess.run([options.lamassu, "model", "import", "--accept-drift", options.hf, ours], check=True)
    if not genai.exists():
        arguments = ["-i", options.hf, "-o", genai, "-p", "int4", "-e", "cpu", "-c", options.work / "cache"]
        subprocess.run([sys.executable, "-m", "onnxruntime_genai.models.builder", *arguments], check=True, env=QUIET)
    if not gguf.exists():
        subprocess.run([sys.executable, HERE / "gguf_of.py", options.hf, gguf], check=True)
    flags = [part for pair in options.sizes for part in ("--" + pair.split("=")[0], pair.split("=")[1])]
    return {
        "lamassu": [str(options.lamassu), "model", "bench", str(ours), "--json", *flags],
        "onnxruntime-genai int4": [sys.executable, str(HERE / "genai.py"), str(genai), *options.sizes],
        "llama.cpp Q4_K_M": [sys.executable, str(HERE / "llamacpp.py"), str(gguf), *options.sizes],
    }


def figures(found: dict) -> dict[str, tuple[float, float]]:
    """Tokens a CPU-second and tokens a second, by what was done."""
    works = {"prefill": found["prefill"], "no cache": found["uncached"], "cached prefix": found["score"]}
    works |= {f"generate x {one['batch']}": one for one in found["generate"]}
    return {name: (work["tokens"] / work["cpu"], work["tokens"] / work["wall"]) for name, work in works.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("lamassu", "hf", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("sizes", nargs="*", default=["prefix=400", "suffix=60", "items=64", "new=128", "batch=1,4"])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    commands = made(options)
    best: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in commands}
    memory: dict[str, list[float]] = {name: [0.0, 0.0] for name in commands}
    for _ in range(options.rounds):
        for engine, command in commands.items():
            said = subprocess.run(command, check=True, capture_output=True, text=True, env=QUIET).stdout
            found = json.loads(said.strip().splitlines()[-1])
            for work, pair in figures(found).items():
                held = best[engine].get(work, (0.0, 0.0))
                best[engine][work] = (max(held[0], pair[0]), max(held[1], pair[1]))
            memory[engine] = [found[f"rss_anon_after_{part}"] / 1e6 for part in ("score", "generate")]
    peers = [name for name in commands if name != "lamassu"]
    for work, ours in best["lamassu"].items():
        print(f"{work}: tokens a CPU-second (tokens a second)")
        for engine in commands:
            print(f"    {engine:<24} {best[engine][work][0]:9.1f} ({best[engine][work][1]:.1f})")
        ratios = [ours[n] / max(best[peer][work][n] for peer in peers) for n in (0, 1)]
        print(f"    over the better peer     {ratios[0]:9.2f} ({ratios[1]:.2f})")
    for engine in commands:
        print(f"memory {engine}: {memory[engine][0]:.0f} MB after scoring, {memory[engine][1]:.0f} MB after generating (RssAnon)")


if __name__ == "__main__":
    main()
