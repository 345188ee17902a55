#!/usr/bin/env python3
"""How well training scales to several processes of one thread each: steps a second of N, against those of one. Not a test.

  ninja -C build runnable
  tests/bench/ranks.py [--build build] [--ranks 2] [--epochs 4] [--steps 40] [--repeats 3] [override ...]
The global batch is the same, so that N processes would at best be N times as fast. Epochs are timed by their lines in the log,
the first left out, validation included; of each count the fastest epoch of all repeats.
"""
import argparse
import os
import pathlib
import re
import socket
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def train(plexiform, ranks, words, log):
    """Steps a second of the fastest epoch, as the log says it."""
    common = {**os.environ, "OMP_NUM_THREADS": "1", "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks),
              "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    running = [subprocess.Popen([plexiform, "train", *words], env={**common, "RANK": str(rank)}, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True) for rank in range(ranks)]
    errors = [process.communicate()[1] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit("\n".join(errors))
    rates = [float(rate) for rate in re.findall(r"([\d.]+) steps/s", pathlib.Path(log).read_text())]
    return max(rates[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=HERE.parent.parent / "build")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    plexiform = arguments.build / "bin/plexiform"
    with tempfile.TemporaryDirectory() as root:
        subprocess.run([plexiform, "create-data", root + "/data"], check=True, capture_output=True)
        best = {}
        for repeat in range(arguments.repeats):
            for ranks in (1, arguments.ranks):
                run = f"{root}/run{repeat}_{ranks}"
                words = ["--config-name=quickstart", f"paths.data_dir={root}/data", f"hydra.run.dir={run}",
                         f"trainer.max_epochs={arguments.epochs}", f"+trainer.limit_train_batches={arguments.steps}",
                         "~training_callbacks.early_stopping", *arguments.overrides]
                rate = train(plexiform, ranks, words, run + "/train.log")
                best[ranks] = max(rate, best.get(ranks, 0))
    one, several = best[1], best[arguments.ranks]
    print(f"1 process {one:.1f} steps/s, {arguments.ranks} processes {several:.1f} steps/s, one thread each: "
          f"{several / one:.2f} times as fast, efficiency {100 * several / one / arguments.ranks:.0f} %")


if __name__ == "__main__":
    main()
