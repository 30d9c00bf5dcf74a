#!/usr/bin/env python3
"""The models' kernels beside the machine's limits, and beside ONNX Runtime, torch and tf.function.

    tools/bench model [--quick] [--rounds N] [--without PEER,PEER] [--docs]

bench_model (tests/bench/bench_model.c) and the peers (tools/bench-peer/model_peer.py) take turns on
one core, one thread each; figures are medians over the rounds of the median call of each.  Every
peer lives in a virtual environment of its own under ${NBA_CACHE:-~/.cache/nba}/model-peers, made at
the first run: torch takes 5 GB there, TensorFlow 1.6, ONNX Runtime 0.2.  --docs writes the tables
into docs/PERFORMANCE.md.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lib"))
import bench  # noqa: E402

BUILD = Path(os.environ.get("NBA_BUILD", ROOT / "build" / "release"))
CACHE = Path(os.environ.get("NBA_CACHE", Path.home() / ".cache" / "nba")) / "model-peers"
PEERS = {"onnxruntime": ["onnxruntime==1.32.0", "onnx==1.23.2"],
         "torch": ["torch==2.15.0", "numpy"],
         "tensorflow": ["tensorflow-cpu==2.21.0"]}
FORMS = ["avx512", "avx2", "scalar"]
BATCHES = [1, 2, 4, 8, 16, 32, 64]
DOCS = ROOT / "docs" / "PERFORMANCE.md"
MARKS = ("<!-- written by tools/bench model --docs -->\n", "<!-- end of what it writes -->\n")


def install(peer):
    """The peer's interpreter; None, after saying why, when it can't be had."""
    python = CACHE / peer / "bin" / "python"
    done = CACHE / peer / "installed"
    packages = " ".join(PEERS[peer])
    if not done.exists() or done.read_text() != packages:
        print(f"bench: installing {packages}", file=sys.stderr)
        made = subprocess.run([sys.executable, "-m", "venv", str(CACHE / peer)],
                              capture_output=True, text=True)
        if made.returncode == 0:
            made = subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS[peer]],
                                  capture_output=True, text=True)
        if made.returncode != 0:
            reason = (made.stderr or made.stdout).strip().splitlines() or ["no reason given"]
            print(f"bench: {peer} is missing, so what is measured against it is too: {reason[-1]}",
                  file=sys.stderr)
            return None
        done.write_text(packages)
    return str(python)


def lines(command):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")}
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=dict(environment, OMP_NUM_THREADS="1"))
    if run.returncode != 0:
        sys.exit(f"bench: {command[0]} ended with {run.returncode}: {run.stderr.strip()[-300:]}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


class Figures:
    def __init__(self):
        self.times, self.work, self.limits, self.names = {}, {}, {}, {}

    def add(self, row, who=None):
        if "gflops" in row:
            for key, value in row.items():
                self.limits.setdefault((row["form"], key), []).append(value)
            return
        key = (who or row["form"], row["case"], row["rows"])
        if who:  # the fastest of a peer's ways counts
            self.names.setdefault(key, {}).setdefault(row["peer"], []).append(row["us"])
            return
        self.times.setdefault(key, []).append(row["us"])
        self.work[key] = (row["flops"], row["bytes"])

    def us(self, who, case, rows):
        key = (who, case, rows)
        if key in self.names:
            return min(statistics.median(v) for v in self.names[key].values())
        return statistics.median(self.times[key]) if key in self.times else None

    def limit(self, form, what):
        return statistics.median(self.limits[form, what])

    def share(self, form, case, rows):
        """Of the limit that binds: arithmetic, or reading weights from the second cache."""
        flops, size = self.work[form, case, rows]
        arithmetic = flops / self.limit(form, "gflops") / 1e3
        reading = size / self.limit(form, "read_gbs") / 1e3
        binds = "reading" if reading > arithmetic else "arithmetic"
        return 100 * max(arithmetic, reading) / self.us(form, case, rows), binds


def ratio(a, b):
    return a / b if a is not None and b else None


def tables(f, forms):
    out = ["Microseconds an event (LSTM step, scores of 1,000 contents, ten best) by batch:", "",
           "| form | " + " | ".join(map(str, BATCHES)) + " |",
           "|---|" + "---|" * len(BATCHES)]
    for form in forms:
        out.append(f"| {form} | " + " | ".join(
            f"{f.us(form, 'event', b) / b:.2f}" for b in BATCHES) + " |")
    out += ["", "Beside the peers, microseconds a call:", "",
            "| | event, batch 1 | batch 32, an event | NCF, 1,000 contents |", "|---|---|---|---|",
            f"| nba, {forms[0]} | {f.us(forms[0], 'event', 1):.1f} | "
            f"{f.us(forms[0], 'event', 32) / 32:.2f} | {f.us(forms[0], 'NCF', 1000):.0f} |"]
    peers = sorted({(who, name) for (who, _, _), named in f.names.items() for name in named})
    for who, name in peers:
        def cell(case, rows, divide=1, digits=1):
            times = f.names.get((who, case, rows), {}).get(name)
            return f"{statistics.median(times) / divide:.{digits}f}" if times else "-"
        empty = cell("empty", 1)
        one = cell("event", 1) + (f" (an empty call {empty})" if empty != "-" else "")
        out.append(f"| {name} | {one} | {cell('event', 32, 32, 2)} | {cell('NCF', 1000, 1, 0)} |")
    limited = [form for form in forms if f.limit(form, "gflops") > 0]
    if not limited:
        return out
    out += ["", "Each kernel's share of the limit that binds it. Limits measured in the same run: " +
            "; ".join(f"{form} {f.limit(form, 'gflops'):.0f} GFLOP/s and "
                      f"{f.limit(form, 'read_gbs'):.0f} GB/s" for form in limited) + ".", "",
            "| kernel | rows | " + " | ".join(f"{form}, us | share" for form in limited) +
            " | bound by |", "|---|---|" + "---|---|" * len(limited) + "---|"]
    for form, case, rows in f.work:
        if form == limited[0]:
            cells = " | ".join(f"{f.us(x, case, rows):.3g} | {f.share(x, case, rows)[0]:.0f} %"
                               for x in limited)
            out.append(f"| {case} | {rows} | {cells} | {f.share(form, case, rows)[1]} |")
    return out


def write_docs(text):
    page = DOCS.read_text(encoding="utf-8")
    before, rest = page.split(MARKS[0])
    DOCS.write_text(before + MARKS[0] + "\n" + text + "\n\n" + MARKS[1] + rest.split(MARKS[1])[1],
                    encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round: for a look")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", default="", help="peers to leave out, with their bars")
    parser.add_argument("--docs", action="store_true", help="write docs/PERFORMANCE.md's tables")
    args = parser.parse_args()
    left_out = args.without.split(",") if args.without else []
    asked = [peer for peer in PEERS if peer not in left_out]
    interpreters = {peer: install(peer) for peer in asked}
    program = BUILD / "tests" / "bench" / "bench_model"
    if not program.is_file():
        sys.exit(f"bench: bench_model is not built: cmake --preset release && ninja -C {BUILD}")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    f = Figures()
    for _ in range(1 if args.quick else args.rounds):
        for row in lines([str(program), "15"]):
            f.add(row)
        for peer, python in interpreters.items():
            if python is not None:
                script = str(ROOT / "tools" / "bench-peer" / "model_peer.py")
                for row in lines([python, script, peer, "0.3"]):
                    f.add(row, peer)
    forms = [form for form in FORMS if (form, "hash") in f.limits]
    text = "\n".join(tables(f, forms))
    print(text + "\n")
    if args.docs:
        write_docs(text)

    best, ours = forms[0], f.us(forms[0], "event", 1)
    hashes = {h for form in forms for h in f.limits[form, "hash"]}
    bench.bar("results that differ: forms, batches 1..64",
              sum(max(f.limits[form, "differ"]) for form in forms) + len(hashes) - 1, 0, "", "lower")
    bench.bar(f"event, batch 1 ({best})", ours, 7.5, "us", "lower")
    for form in forms[1:]:
        bench.bar(f"event, batch 1 ({form})", f.us(form, "event", 1), None, "us", "lower")
    for form in forms:
        bench.bar(f"event, batch 32 ({form})", f.us(form, "event", 32) / 32, None, "us", "lower")
    # In batches the products are what both wait for.
    for form in forms:
        bench.bar(f"event in bfloat16, batch 1 ({form})",
                  ratio(f.us(form, "event", 1), f.us(form, "event bf16", 1)),
                  1.4 if form == "avx512" else None, "x f32", must=False)
    bench.bar(f"event in bfloat16, batch 32 ({best})",
              ratio(f.us(best, "event", 32), f.us(best, "event bf16", 32)), None, "x f32")
    if "onnxruntime" in asked:
        call, empty = f.us("onnxruntime", "event", 1), f.us("onnxruntime", "empty", 1)
        own = call - empty if call is not None else None
        bench.bar("ONNX Runtime's own part, batch 1", ratio(own, ours), 1.8, "x ours")
        bench.bar("ONNX Runtime, batch 32", ratio(f.us("onnxruntime", "event", 32),
                                                  f.us(best, "event", 32)), 1.35, "x ours")
        bench.bar("ONNX Runtime, NCF of 1,000", ratio(f.us("onnxruntime", "NCF", 1000),
                                                      f.us(best, "NCF", 1000)), 2, "x ours")
    if "torch" in asked:
        bench.bar("torch, batch 1", ratio(f.us("torch", "event", 1), ours), 5, "x ours")
    if "tensorflow" in asked:
        bench.bar("tf.function, batch 1", ratio(f.us("tensorflow", "event", 1), ours), 20, "x ours")


if __name__ == "__main__":
    main()
