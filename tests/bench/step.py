#!/usr/bin/env python3
"""Times a training step of published configs, ours and openretina's in turn, and prints the ratios. Not a test.

  ninja -C build runnable step_bench
  tests/bench/step.py [--build build] [--openretina PYTHON] [--threads 2 1] [--steps 5] [--only low_res ...]
PYTHON: of an environment with openretina; without it our own step alone is timed. Medians; in brackets the fastest and the
slowest step. The whole takes an hour on two cores, nearly all of it openretina's; let nothing else run beside it.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

# name: (config, C,H,W, batch, what of the config is about its own recording)
CASES = {
    "low_res": ("hoefling_2024_core_readout_low_res", "2,18,16", 128, "~data_io.data_info"),
    "high_res": ("hoefling_2024_core_readout_high_res", "2,72,64", 8),
    "hdf5": ("hdf5_core_readout", "1,48,40", 8),
    "maheswaranathan": ("maheswaranathan_2023_core_readout", "1,50,50", 4),
    "karamanlis": ("karamanlis_2024_core_readout", "1,60,80", 1),
}
BINS, NEURONS = 50, 80
HERE = pathlib.Path(__file__).resolve().parent


def timed(command, threads):
    environment = {"OPENRETINA_CACHE_DIRECTORY": tempfile.gettempdir(), **os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(build, case, steps, threads):
    config, shape, batch, *without = case
    frames = 2 * (steps + 2) * batch * BINS + 150  # all steps lie in one epoch: no validation between them
    with tempfile.TemporaryDirectory() as folder:
        return timed([build / "bin/step_bench", folder + "/bench", shape, NEURONS, frames, steps, threads, config,
                      "data_io=hdf5_folder", "dataloader=clips", "++data_io.test_names=[test]",
                      f"++dataloader.batch_size={batch}", f"++dataloader.train_chunk_size={BINS}",
                      "++dataloader.num_val_clips=1", "++trainer.max_epochs=1000", "++trainer.precision=32-true",
                      "++trainer.gradient_clip_val=1", f"++model.in_shape=[{shape.split(',')[0]},{BINS},"
                      f"{','.join(shape.split(',')[1:])}]", *without], threads)


def theirs(python, build, case, steps, threads):
    config, shape, batch = case[:3]
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder, "model.yaml")
        model.write_text(subprocess.run([build / "bin/plexiform", "train", "--config-name", config, "--cfg", "job",
                                         "--resolve", "-p", "model"], capture_output=True, text=True, check=True).stdout)
        return timed([python, HERE / "openretina_step.py", model, shape, NEURONS, batch, BINS, steps, threads], threads)


def text(seconds):
    return f"{statistics.median(seconds):9.3f} s [{min(seconds):.3f} {max(seconds):.3f}]"


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
parser.add_argument("--openretina", help="the Python that has it")
parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
arguments = parser.parse_args()
for threads in arguments.threads:
    for name in arguments.only:
        our = ours(arguments.build.resolve(), CASES[name], arguments.steps, threads)
        line = f"{name:<16} B={CASES[name][2]:<4} {threads} threads  ours {text(our)}"
        if arguments.openretina:
            their = theirs(arguments.openretina, arguments.build.resolve(), CASES[name], arguments.steps, threads)
            low, high = min(their) / max(our), max(their) / min(our)
            ratio = statistics.median(their) / statistics.median(our)
            line += f"  openretina {text(their)}  ratio {ratio:.1f} [{low:.1f} {high:.1f}]"
        print(line, flush=True)
