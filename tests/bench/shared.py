#!/usr/bin/env python3
"""Times training to the same validation correlation, sessions one at a time and with a shared pass of the core
(trainer.shared_core_pass), on simulated sessions that saw one movie. Not a test.

  ninja -C build runnable
  tests/bench/shared.py [--build build] [--sessions 20] [--epochs 6] [--rates 0.005 0.01 0.02] [override ...]
A shared step is as large as all sessions' together, and there are so many fewer of them: each way gets the best of RATES, and
as many epochs as give it EPOCHS x sessions x batches samples. Target: 99 % of what one session at a time reaches. Seconds of
epochs with their validation, without start and scores.
"""
import argparse
import csv
import pathlib
import re
import subprocess
import tempfile

import cases


def curve(arguments, data, folder, shared, rate):
    """(seconds so far, val_correlation) after each epoch."""
    command = [arguments.build / "bin/plexiform", "train", "--config-name", "quickstart", f"paths.data_dir={data}",
               f"hydra.run.dir={folder}", f"+trainer.shared_core_pass={str(shared).lower()}",
               f"model.learning_rate={rate}", f"trainer.max_epochs={arguments.epochs * (6 if shared else 1)}",
               "~training_callbacks.early_stopping", *arguments.overrides]
    done = subprocess.run([str(word) for word in command], env=cases.ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    seconds = [float(s) for s in re.findall(r"^epoch .*?  ([0-9.]+) s  [0-9.]+ steps/s", done.stdout + done.stderr, re.M)]
    with open(pathlib.Path(folder) / "metrics.csv") as file:
        scores = [float(row["val_correlation"]) for row in csv.DictReader(file)]
    total, points = 0, []
    for one, score in zip(seconds, scores):
        total += one
        points.append((total, score))
    return points


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=cases.HERE.parent.parent / "build")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.005, 0.01, 0.02])
    parser.add_argument("overrides", nargs="*", help="of the quickstart's config, whose core is small")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        subprocess.run([arguments.build / "bin/plexiform", "create-data", root + "/data", "--sessions",
                        str(arguments.sessions)], check=True, stdout=subprocess.DEVNULL)
        curves = {shared: {rate: curve(arguments, root + "/data", f"{root}/{shared}{rate}", shared, rate)
                           for rate in arguments.rates} for shared in (False, True)}
        target = 0.99 * max(score for points in curves[False].values() for _, score in points)
        best = {}
        for shared, of_rates in curves.items():
            for rate, points in of_rates.items():
                reached = next((seconds for seconds, score in points if score >= target), None)
                best[shared] = min(best.get(shared, 1e9), reached or 1e9)
                print(f"{'shared pass' if shared else 'one at a time':<14} rate {rate:<6} best {max(s for _, s in points):.4f}"
                      f"  to {target:.4f}: {f'{reached:.1f} s' if reached else 'not reached'}", flush=True)
        if best[True] < 1e9:
            print(f"ratio {best[False] / best[True]:.1f}")


if __name__ == "__main__":
    main()
