#!/usr/bin/env python3
"""Times training to the same validation correlation, sessions one at a time and with a shared pass of the core
(trainer.shared_core_pass), on simulated sessions that saw one movie. Not a test.

  ninja -C build runnable
  tests/bench/shared.py [override ...] [--build build] [--sessions 20] [--only low_res quickstart] [--epochs N]
low_res: the published config of Hoefling et al. 2024, on recordings as theirs; quickstart: a small core, of which a step has
little to share. A shared step is as large as all sessions' together, and there are so many fewer of them: each way gets the
best of the case's rates and batches (CASES), and shared steps several times the epochs. Target: 99 % of what one session at a
time reaches. Seconds of epochs with their validation, without start and scores.
"""
import argparse
import csv
import pathlib
import re
import subprocess
import tempfile

import cases


# name: (options of create-data, epochs of one session at a time, shared ones for each, (rate, batch) to try, config)
CASES = {
    "low_res": (["--layout", "hoefling_2024_low_res"], 20, 2, [(0.01, 128), (0.03, 128), (0.01, 32), (0.03, 32), (0.01, 16)],
                ["--config-name", "hoefling_2024_core_readout_low_res", "paths.movies_path={data}/movies.pkl",
                 "paths.responses_path={data}/responses.h5", "dataloader.allow_over_boundaries=false",
                 "++trainer.precision=32-true"]),
    "quickstart": ([], 6, 6, [(0.005, 16), (0.01, 16), (0.02, 16)],
                   ["--config-name", "quickstart", "paths.data_dir={data}"]),
}


def curve(arguments, config, folder, shared, epochs, rate, batch):
    """(seconds so far, val_correlation) after each epoch."""
    command = [arguments.build / "bin/plexiform", "train", *config, f"hydra.run.dir={folder}",
               f"+trainer.shared_core_pass={str(shared).lower()}", f"model.learning_rate={rate}",
               f"dataloader.batch_size={batch}", f"trainer.max_epochs={epochs}", "~training_callbacks.early_stopping",
               *arguments.overrides]
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


def compare(arguments, name):
    layout, epochs, more, settings, config = CASES[name]
    with tempfile.TemporaryDirectory() as root:
        subprocess.run([arguments.build / "bin/plexiform", "create-data", root + "/data", *layout, "--sessions",
                        str(arguments.sessions)], check=True, stdout=subprocess.DEVNULL)
        config = [word.format(data=root + "/data") for word in config]
        epochs = arguments.epochs or epochs
        curves = {shared: {(rate, batch): curve(arguments, config, f"{root}/{shared}{rate}-{batch}", shared,
                                                epochs * (more if shared else 1), rate, batch)
                           for rate, batch in settings} for shared in (False, True)}
        target = 0.99 * max(score for points in curves[False].values() for _, score in points)
        best = {}
        for shared, of_settings in curves.items():
            for (rate, batch), points in of_settings.items():
                reached = next((seconds for seconds, score in points if score >= target), None)
                best[shared] = min(best.get(shared, 1e9), reached or 1e9)
                print(f"{name:<11}{'shared pass' if shared else 'one at a time':<14} rate {rate:<6} batch {batch:<4} "
                      f"best {max(s for _, s in points):.4f}  to {target:.4f}: "
                      f"{f'{reached:.1f} s' if reached else 'not reached'}", flush=True)
        if best[True] < 1e9:
            print(f"{name:<11}ratio {best[False] / best[True]:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=cases.HERE.parent.parent / "build")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--only", choices=CASES, nargs="+", default=list(CASES))
    parser.add_argument("--epochs", type=int, help="of one session at a time")
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    for name in arguments.only:
        compare(arguments, name)


if __name__ == "__main__":
    main()
