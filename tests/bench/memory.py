#!/usr/bin/env python3
"""The memory that training takes. Not a test.

  ninja -C build runnable
  tests/bench/memory.py [--build build] [--openretina PYTHON | --alone] [--only low_res high_res mapped] [--batches 1 32]
low_res, high_res: 20 sessions of 80 neurons that saw one movie, 108 clips of 150 frames, in orders of their own and with both
eyes (make_hoefling.py), in each of the batches; openretina's training of the former beside ours (of the latter it would be
20 GB). mapped: a movie of --gigabytes (30), of zeros, in each of the batches. The data need numpy and h5py: openretina's
Python makes them, else the one that runs this. Peaks: of all resident memory, and of what does not lie in files.
"""
import argparse
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

import cases


def peaks(command, folder):
    """Runs it there; GB of resident memory at most, all of it and without the pages of files."""
    environment = {**cases.ENVIRONMENT, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}  # as in time_to_score.py
    process = subprocess.Popen([str(word) for word in command], env=environment, cwd=folder, stdout=open(folder + "/log", "wb"),
                               stderr=subprocess.STDOUT)
    most = own = 0
    while process.poll() is None:
        try:
            status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines())
            most, own = int(status["VmHWM"].split()[0]), max(own, int(status["RssAnon"].split()[0]))
        except (OSError, KeyError):
            pass
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(pathlib.Path(folder, "log").read_text()[-2000:])
    return most * 1024e-9, own * 1024e-9


def hoefling(name, python, folder):
    config, shape, *_ = cases.CASES[name]
    size = shape.split(",", 1)[1]
    subprocess.run([python, cases.HERE / "make_hoefling.py", folder, size, "20", "80"], check=True)
    movie = 2 * (108 + 5) * 150 * 4e-9
    for side in size.split(","):
        movie *= int(side)
    return movie, ["--config-name", config, f"paths.movies_path={folder}/movies.pkl", f"paths.responses_path={folder}/responses.h5"]


def mapped(gigabytes, python, folder):
    side, frames = 100, int(gigabytes * 1e5)
    os.makedirs(folder + "/stimuli")
    for name, count in (("movie", frames), ("test", 200)):
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': (1, {count}, {side}, {side}), }}"
        header += " " * (63 - (10 + len(header)) % 64) + "\n"
        with open(f"{folder}/stimuli/{name}.npy", "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
            file.truncate(file.tell() + count * side * side)  # zeros, without blocks on the disk
    subprocess.run([python, "-c", "import h5py, numpy, sys\nwith h5py.File(sys.argv[1], 'w') as f:\n"
                    f"  for name, n in (('movie', {frames}), ('test', 200)): f['responses_' + name] = numpy.ones((2, n), 'f4')",
                    folder + "/session.h5"], check=True)
    return frames * side * side * 1e-9, ["--config-name", "quickstart", f"paths.data_dir={folder}",
                                         "data_io.test_names=[test]", "++data_io.norm_mean=0", "++data_io.norm_std=1"]


FEW_STEPS = ["++trainer.max_epochs=1", "++trainer.limit_train_batches=20", "++trainer.limit_val_batches=1",
             "++trainer.limit_test_batches=1", "++trainer.precision=32-true", "++trainer.accumulate_grad_batches=1"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases.add_arguments(parser)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--gigabytes", type=float, default=30)
    parser.add_argument("--only", nargs="+", choices=["low_res", "high_res", "mapped"], default=["low_res", "high_res"])
    arguments = parser.parse_args()
    python = cases.openretina(arguments)
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            maker, data = python or sys.executable, folder + "/data"
            movie, words = mapped(arguments.gigabytes, maker, data) if name == "mapped" else hoefling(name, maker, data)
            for batch in arguments.batches:
                changes = [*words, *FEW_STEPS, f"++dataloader.batch_size={batch}"]
                in_shape = [] if name == "mapped" else ["++model.in_shape=null"]
                most, own = peaks([arguments.build / "bin/plexiform", "train", *changes, *in_shape,
                                   f"hydra.run.dir={folder}/run{batch}"], folder)
                line = f"{name:<10} movies {movie:5.2f} GB  batch {batch:<4} peak {most:.2f} GB, {own:.2f} of it not in files"
                if python and name == "low_res":
                    theirs, _ = peaks(cases.openretina_command(python, ["train", *changes, "logger=[csv]", f"paths.log_dir={folder}",
                                                                        f"hydra.run.dir={folder}/openretina{batch}"]), folder)
                    line += f"  openretina {theirs:.2f} GB, 1/{theirs / most:.1f}"
                print(line, flush=True)


if __name__ == "__main__":
    main()
