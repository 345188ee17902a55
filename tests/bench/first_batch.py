#!/usr/bin/env python3
"""The time and memory from a command to its first training batch: 20 sessions of 80 neurons in the layout of Hoefling et al.
2024 (make_hoefling.py), openretina's beside ours in one run, with the ratios. Not a test.

  ninja -C build runnable
  tests/bench/first_batch.py [--build build] [--openretina PYTHON | --alone] [--runs 3] [--only low_res high_res]
Ours is the whole command with --dry-run: recordings read and checked, the model built; a batch is some milliseconds more
(trainer.profiler=simple: gather). openretina's ends with the batch, without a model. Medians.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time

import cases


def ours(arguments, case, words, folder):
    start = time.perf_counter()
    command = [arguments.build / "bin/plexiform", "train", "--config-name", case[0], *words, f"hydra.run.dir={folder}",
               "++model.in_shape=null", "--dry-run"]
    # In a process of its own, whose children are this command alone.
    watched = ("import json, resource, subprocess, sys\ncode = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
               "stderr=subprocess.DEVNULL).returncode\n"
               "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024e-9)")
    done = subprocess.run([sys.executable, "-c", watched, *map(str, command)], capture_output=True, text=True,
                          env=cases.ENVIRONMENT)
    code, gigabytes = done.stdout.split()
    if code != "0":
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return {"seconds": time.perf_counter() - start, "gigabytes": float(gigabytes)}


def theirs(python, case, words):
    configs = python.parent.parent / "source/configs"
    done = subprocess.run([python, cases.HERE / "openretina_first_batch.py", configs, case[0], *words], capture_output=True,
                          text=True, env=cases.ENVIRONMENT)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases.add_arguments(parser)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--only", nargs="+", choices=["low_res", "high_res"], default=["low_res", "high_res"])
    arguments = parser.parse_args()
    python = cases.openretina(arguments)
    for name in arguments.only:
        case = cases.CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([python or sys.executable, cases.HERE / "make_hoefling.py", folder + "/data",
                            case[1].split(",", 1)[1], "20", "80"], check=True)
            words = [f"paths.movies_path={folder}/data/movies.pkl", f"paths.responses_path={folder}/data/responses.h5",
                     f"++dataloader.batch_size={arguments.batch}"]
            rows = [(ours(arguments, case, words, f"{folder}/run{run}"), theirs(python, case, words) if python else None)
                    for run in range(arguments.runs)]
        for what, unit in (("seconds", "s"), ("gigabytes", "GB")):
            own = statistics.median(row[what] for row, _ in rows)
            line = f"{name:<10} {what:<10} ours {own:8.2f} {unit}"
            if python:
                other = statistics.median(row[what] for _, row in rows)
                line += f"  openretina {other:8.2f} {unit}  ratio {other / own:.1f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
