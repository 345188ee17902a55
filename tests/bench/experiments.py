#!/usr/bin/env python3
"""Every published experiment of configs/ on simulated recordings of its own layout: does it compose, read and train, and what
are its first and last loss. Not a test.

  ninja -C build runnable
  tests/bench/experiments.py [--build build] [--full] [--batches 2] [LAYOUT ...]
--full makes the recordings as large as the published ones: several GB, and hours for those of high resolution.
"""
import argparse
import csv
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = {**os.environ, "OPENRETINA_CACHE_DIRECTORY": tempfile.gettempdir()}


def run(words, **more):
    return subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, **more)


def why(done):
    """The sentence with which it failed."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return " ".join(lines[-2:]) if lines else f"exit code {done.returncode}"


def train(words, run_folder, batches):
    """(composes, reads, trains, first loss, last loss, seconds)"""
    words = [*words, f"hydra.run.dir={run_folder}", "trainer.precision=32-true"]
    composed = run([*words, "--cfg", "job"])
    if composed.returncode:
        return ["no: " + why(composed)]
    checked = run([*words, "--dry-run"])
    if checked.returncode:
        return ["yes", "no: " + why(checked)]
    start = time.monotonic()
    short = ["trainer.max_epochs=2", f"+trainer.limit_train_batches={batches}", "+trainer.limit_val_batches=1",
             "+trainer.limit_test_batches=1"]
    trained = run([*words, *short])
    if trained.returncode:
        return ["yes", "yes", "no: " + why(trained)]
    with open(run_folder / "metrics.csv", newline="") as file:
        losses = [float(row["train_total_loss"]) for row in csv.DictReader(file)]
    return ["yes", "yes", "yes", f"{losses[0]:.5g}", f"{losses[-1]:.5g}", f"{time.monotonic() - start:.0f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=HERE.parent.parent / "build")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--batches", type=int, default=2, help="training batches in each of two epochs")
    parser.add_argument("layouts", nargs="*", help="default: all")
    arguments = parser.parse_args()
    plexiform = str(arguments.build / "bin/plexiform")
    unknown = run([plexiform, "create-data", "nowhere", "--layout", "?"]).stderr
    layouts = arguments.layouts or re.search(r"known are: (.*)", unknown)[1].split(", ")
    print("| experiment | composes | reads | trains | first loss | loss of epoch 2 | seconds |\n|---|---|---|---|---|---|---|")
    for layout in layouts:
        with tempfile.TemporaryDirectory() as root:
            made = run([plexiform, "create-data", root + "/data", "--layout", layout, *["--full"] * arguments.full], cwd=root)
            if made.returncode:
                raise SystemExit(made.stderr)
            for line in made.stdout.splitlines():
                if not line.startswith("plexiform train "):
                    continue
                words = [plexiform, *shlex.split(line)[1:]]
                name = words[words.index("--config-name") + 1]
                row = train(words, pathlib.Path(root, "run_" + name), arguments.batches)
                print("|", " | ".join([f"`{name}`", *row, *[""] * (6 - len(row))]), "|", flush=True)


if __name__ == "__main__":
    main()
