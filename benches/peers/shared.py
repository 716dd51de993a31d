"""What the peers' programs have in common: the work, the clocks, the report."""

import json
import os
import resource
import time
from dataclasses import dataclass

# Scores taken with nothing remembered: each costs as much as many others.
UNCACHED = 4


@dataclass
class Sizes:
    """What is asked of each engine; the same as `lamassu model bench` takes."""

    prefix: int = 400
    suffix: int = 60
    prefill: int = 512
    items: int = 64
    new: int = 128
    batch: tuple[int, ...] = (1, 4)
    threads: int = os.cpu_count() or 1

    @classmethod
    def of(cls, arguments: list[str]) -> "Sizes":
        """From `NAME=NUMBER` and `batch=N,N`."""
        given = dict(argument.split("=", 1) for argument in arguments)
        batch = tuple(int(n) for n in given.pop("batch", "1,4").split(","))
        return cls(batch=batch, **{name: int(value) for name, value in given.items()})


def tokens(vocabulary: int, seed: int, count: int) -> list[int]:
    """The same tokens as `lamassu model bench` reads."""
    state, found = seed, []
    for _ in range(count):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        found.append(3 + (state >> 8) % (vocabulary - 3))
    return found


class Clock:
    """Wall and CPU seconds of this process, all threads."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), cpu()

    def stop(self) -> dict:
        return {"wall": time.perf_counter() - self.wall, "cpu": cpu() - self.cpu}


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss_anon() -> int:
    """Memory of this process that is no file's, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))


def report(**found) -> None:
    print(json.dumps(found))
