"""Nearest 10 of clustered vectors: the embedded engine beside hnswlib, faiss and lancedb, on the same vectors.

    python -m venv peers && peers/bin/pip install -r benches/peers/vectors.txt
    cargo build --release -p indexes --example banks
    peers/bin/python benches/peers/vectors.py 100000 --banks target/release/examples/banks

The generator is that of `indexes/examples/banks.rs`: splitmix64 with seed 42, 384 numbers, 200 topics. Times are
processor seconds of one thread per query (peers) or of all threads together (banks), so a loaded machine does not
change them much. Only the embedded engine makes its rows durable, with text, words and filter fields beside them;
lancedb writes vectors to files; the other two keep vectors in memory and nothing else.
"""

import argparse
import json
import subprocess
import tempfile
import time

import numpy

DIMENSION, TOPICS, SPREAD, K, QUERIES = 384, 200, numpy.float32(0.06), 10, 200
GAMMA = numpy.uint64(0x9E3779B97F4A7C15)


class Dice:
    """splitmix64, many throws at once."""

    def __init__(self, seed):
        self.state = numpy.uint64(seed)

    def cubes(self, count):
        """`count` vectors from the uniform cube."""
        throws = count * DIMENSION
        with numpy.errstate(over="ignore"):
            bits = self.state + GAMMA * numpy.arange(1, throws + 1, dtype=numpy.uint64)
            self.state = bits[-1]
            bits = (bits ^ (bits >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ (bits >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        bits ^= bits >> numpy.uint64(31)
        signed = (bits >> numpy.uint64(48)).astype(numpy.uint16).view(numpy.int16)
        return (signed.astype(numpy.float32) / numpy.float32(32767)).reshape(count, DIMENSION)


def unit(vectors):
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def vectors(rows):
    """Rows and queries, as the example makes them."""
    dice = Dice(42)
    topics = unit(dice.cubes(TOPICS))
    parts = []
    for first in range(0, rows, 20_000):
        numbers = numpy.arange(first, min(first + 20_000, rows)) % TOPICS
        parts.append(unit(topics[numbers] + SPREAD * dice.cubes(len(numbers))))
    queries = unit(topics[numpy.arange(QUERIES) % TOPICS] + SPREAD * dice.cubes(QUERIES))
    return numpy.concatenate(parts), queries


def timed(search, queries, truth):
    """Processor milliseconds of a query, and the share of the true nearest that it found."""
    for query in queries[:5]:
        search(query)
    start = time.process_time()
    found = [search(query) for query in queries]
    took = time.process_time() - start
    recall = numpy.mean([len(set(map(int, a)) & set(b)) / K for a, b in zip(found, truth)])
    return {"cpu_ms": round(took * 1000 / len(queries), 3), "recall": round(float(recall), 4)}


def built(make):
    start = time.process_time()
    index = make()
    return index, {"build_cpu_s": round(time.process_time() - start, 1)}


def faiss_flat(rows):
    import faiss

    faiss.omp_set_num_threads(1)
    index, line = built(lambda: (lambda flat: (flat.add(rows), flat)[1])(faiss.IndexFlatIP(DIMENSION)))
    return lambda query: index.search(query[None], K)[1][0], line


def faiss_hnsw(rows):
    import faiss

    faiss.omp_set_num_threads(1)

    def make():
        graph = faiss.IndexHNSWFlat(DIMENSION, 16, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction, graph.hnsw.efSearch = 100, 128
        graph.add(rows)
        return graph

    index, line = built(make)
    return lambda query: index.search(query[None], K)[1][0], line


def hnswlib(rows):
    import hnswlib as library

    def make():
        graph = library.Index(space="ip", dim=DIMENSION)
        graph.init_index(max_elements=len(rows), ef_construction=100, M=16)
        graph.set_num_threads(1)
        graph.add_items(rows)
        graph.set_ef(128)
        return graph

    index, line = built(make)
    return lambda query: index.knn_query(query, k=K)[0][0], line


def lancedb(rows):
    import lancedb as library
    import pyarrow

    folder = tempfile.TemporaryDirectory()

    def make():
        numbers = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.reshape(-1)), DIMENSION)
        data = pyarrow.table({"id": pyarrow.array(range(len(rows))), "vector": numbers})
        return library.connect(folder.name).create_table("rows", data)

    table, line = built(make)

    def search(query, _keep=folder):
        answer = table.search(query).distance_type("dot").limit(K).select(["id"]).to_arrow()
        return answer["id"].to_pylist()

    return search, line


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("rows", type=int, nargs="?", default=100_000)
    arguments.add_argument("--banks", help="the example built from indexes/examples/banks.rs")
    arguments.add_argument("--peers", default="faiss_flat,faiss_hnsw,hnswlib,lancedb")
    chosen = arguments.parse_args()
    ours = None
    if chosen.banks:
        said = subprocess.run([chosen.banks, str(chosen.rows)], check=True, capture_output=True, text=True)
        ours = json.loads(said.stdout)
        print(json.dumps(ours), flush=True)
    rows, queries = vectors(chosen.rows)
    truth = [set(map(int, numpy.argsort(-(rows @ query))[:K])) for query in queries]
    for name in chosen.peers.split(","):
        try:
            search, line = globals()[name](rows)
        except ImportError as missing:
            print(f"SKIPPED: {name}: {missing}", flush=True)
            continue
        line = {"engine": name, "rows": chosen.rows, **line, **timed(search, queries, truth)}
        if ours:
            line["ratio_to_embedded"] = round(line["cpu_ms"] / ours["nearest"]["cpu_ms"], 2)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
