#!/usr/bin/env python3
"""Times a whole run on a real recording: openretina's `train` of hdf5_core_readout for so many epochs, and ours of the same
config until its test correlation (mean over neurons) is at least the one at which that run stops. Not a test.

  ninja -C build runnable
  tests/bench/time_to_score.py [--build build] [--openretina PYTHON | --alone] [--threads 2] [--epochs 3] [--every 6]
      --data FOLDER [OVERRIDE ...]
FOLDER: a recording in the generic layout; OVERRIDE: what of the config it needs changed. Seconds from the command to its end,
scores included. Ours is trained anew for EVERY steps more each time until the score is reached; only the last run counts.
--alone: ours for EPOCHS epochs.
"""
import argparse
import csv
import pathlib
import subprocess
import tempfile
import time

import cases


def run(command, folder, threads):
    begin = time.perf_counter()
    # openretina's checkpoints hold its config, which torch 2.6 and later do not load unasked.
    environment = {**cases.ENVIRONMENT, "OMP_NUM_THREADS": str(threads), "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    done = subprocess.run([str(word) for word in command], env=environment,
                          capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return time.perf_counter() - begin


def openretina(python, folder, overrides, threads):
    words = ["train", *overrides, f"paths.log_dir={folder}", f"hydra.run.dir={folder}/openretina"]
    seconds = run(cases.openretina_command(python, words), folder, threads)
    file, = pathlib.Path(folder).rglob("metrics.csv")
    scores = {}  # by the number of the data loader: training, validation, test
    with open(file) as rows:
        for row in csv.DictReader(rows):
            scores |= {name: float(value) for name, value in row.items() if value and name.startswith("CorrelationLoss3d/")}
    return seconds, scores["CorrelationLoss3d/dataloader_idx_2"]


def ours(arguments, folder, overrides, how_long):
    run_folder = tempfile.mkdtemp(dir=folder) + "/run"
    seconds = run([arguments.build / "bin/plexiform", "train", *overrides, how_long, f"hydra.run.dir={run_folder}"], folder,
                  arguments.threads)
    with open(run_folder + "/scores.csv") as rows:
        scores = [float(row["correlation_to_average"]) for row in csv.DictReader(rows)]
    return seconds, sum(scores) / len(scores)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases.add_arguments(parser)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--every", type=int, default=6, help="steps of ours between two looks at its score")
    parser.add_argument("--most", type=int, default=600, help="steps of ours, at most")
    parser.add_argument("--data", nargs="+", required=True)
    arguments = parser.parse_args()
    data, *rest = arguments.data
    overrides = ["--config-name", "hdf5_core_readout", f"paths.data_dir={pathlib.Path(data).resolve()}", "logger=[csv]",
                 "trainer.precision=32-true", *rest]
    python = cases.openretina(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if not python:
            print("ours %.1f s, test correlation %.3f" % ours(arguments, folder, overrides, f"trainer.max_epochs={arguments.epochs}"))
            return
        theirs, goal = openretina(python, folder, [*overrides, f"trainer.max_epochs={arguments.epochs}"], arguments.threads)
        print(f"openretina {theirs:9.1f} s, {arguments.epochs} epochs: test correlation {goal:.3f}", flush=True)
        for steps in range(arguments.every, arguments.most + 1, arguments.every):
            mine, score = ours(arguments, folder, overrides, f"+trainer.max_steps={steps}")
            print(f"ours       {mine:9.1f} s, {steps} steps: test correlation {score:.3f}", flush=True)
            if score >= goal:
                print(f"ratio {theirs / mine:.1f}")
                break


if __name__ == "__main__":
    main()
