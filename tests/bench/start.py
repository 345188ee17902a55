#!/usr/bin/env python3
"""Times what a user waits for before anything is computed: `--help` and `--cfg job`, ours and openretina's in turn, with the
ratios; and a run of a single training step, the scores after it included. Not a test.

  ninja -C build runnable
  tests/bench/start.py [--build build] [--openretina PYTHON | --alone] [--runs 5] [--data FOLDER OVERRIDE ...]
Medians; in brackets the fastest and the slowest. --data: a recording in the generic layout, and what of hdf5_core_readout it
needs changed; without it the quickstart's simulated one, which openretina does not have.
"""
import argparse
import statistics
import subprocess
import tempfile
import time

import cases

CONFIG = "hoefling_2024_core_readout_low_res"
COMMANDS = {"--help": ["--help"], "train --cfg job": ["train", "--config-name", CONFIG, "--cfg", "job"]}


def seconds(command, runs):
    taken = []
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run([str(word) for word in command], env=cases.ENVIRONMENT, check=True, capture_output=True,
                       cwd=tempfile.gettempdir())
        taken.append(time.perf_counter() - begin)
    return taken


def text(taken):
    return f"{statistics.median(taken):8.3f} s [{min(taken):.3f} {max(taken):.3f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases.add_arguments(parser)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", nargs="+", default=[])
    arguments = parser.parse_args()
    ours, python = arguments.build / "bin/plexiform", cases.openretina(arguments)
    for name, command in COMMANDS.items():
        seconds([ours, *command], 1)  # brings the files into memory
        mine = seconds([ours, *command], arguments.runs)
        line = f"{name:<24} ours {text(mine)}"
        if python:
            other = cases.openretina_command(python, command)
            seconds(other, 1)
            theirs = seconds(other, arguments.runs)
            line += f"   openretina {text(theirs)}   {statistics.median(theirs) / statistics.median(mine):8.0f} x"
        print(line, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.data:
            config = ["--config-name", "hdf5_core_readout", f"paths.data_dir={arguments.data[0]}", *arguments.data[1:]]
        else:
            subprocess.run([ours, "create-data", folder + "/data"], check=True, capture_output=True)
            config = ["--config-name", "quickstart", f"paths.data_dir={folder}/data"]
        step = [ours, "train", *config, "++trainer.max_steps=1", "++trainer.limit_val_batches=1", "++trainer.limit_test_batches=1",
                "++trainer.num_sanity_val_steps=0", "++trainer.precision=32-true"]
        taken = []
        for run in range(arguments.runs):
            taken += seconds([*step, f"hydra.run.dir={folder}/{run}"], 1)
    print(f"{'a run of one step':<24} ours {text(taken)}", flush=True)


if __name__ == "__main__":
    main()
