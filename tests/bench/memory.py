#!/usr/bin/env python3
"""The memory that training takes. Not a test.

  tests/bench/memory.py [--build build] [--python PYTHON] [--only low_res high_res mapped]
low_res, high_res: 20 sessions of 80 neurons that saw one movie, 108 clips of 150 frames, in orders of their own and with both
eyes (make_hoefling.py, which needs a PYTHON with numpy and h5py; BUILD/openretina's, if it is there). mapped: a movie of
--gigabytes (30), of zeros. Peaks: of all resident memory, and of what does not lie in files.
"""
import argparse
import os
import pathlib
import struct
import subprocess
import tempfile
import time

import cases


def peaks(command, environment):
    """Runs it; GB of resident memory at most, all of it and without the pages of files."""
    process = subprocess.Popen(command, env={**cases.ENVIRONMENT, **environment}, stdout=subprocess.PIPE,
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
        raise SystemExit(process.stdout.read().decode()[-2000:])
    return most * 1024e-9, own * 1024e-9


def hoefling(arguments, name, folder):
    config, shape, *_ = cases.CASES[name]
    size = shape.split(",", 1)[1]
    python = arguments.python or arguments.build / "openretina/bin/python"
    subprocess.run([python, cases.HERE / "make_hoefling.py", folder, size, "20", "80"], check=True)
    movie = 2 * (108 + 5) * 150 * 4e-9
    for side in size.split(","):
        movie *= int(side)
    return movie, ["--config-name", config, f"paths.movies_path={folder}/movies.pkl",
                   f"paths.responses_path={folder}/responses.h5", "++model.in_shape=null",
                   f"++dataloader.batch_size={arguments.batch}"]


def mapped(arguments, _, folder):
    side, frames = 100, int(arguments.gigabytes * 1e5)
    os.makedirs(folder + "/stimuli")
    for name, count in (("movie", frames), ("test", 200)):
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': (1, {count}, {side}, {side}), }}"
        header += " " * (63 - (10 + len(header)) % 64) + "\n"
        with open(f"{folder}/stimuli/{name}.npy", "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
            file.truncate(file.tell() + count * side * side)  # zeros, without blocks on the disk
    python = arguments.python or arguments.build / "openretina/bin/python"
    subprocess.run([python, "-c", "import h5py, numpy, sys\nwith h5py.File(sys.argv[1], 'w') as f:\n"
                    f"  for name, n in (('movie', {frames}), ('test', 200)): f['responses_' + name] = numpy.ones((2, n), 'f4')",
                    folder + "/session.h5"], check=True)
    return frames * side * side * 1e-9, ["--config-name", "quickstart", f"paths.data_dir={folder}",
                                         "data_io.test_names=[test]", "++data_io.norm_mean=0", "++data_io.norm_std=1",
                                         "++dataloader.batch_size=8"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=cases.HERE.parent.parent / "build")
    parser.add_argument("--python", type=pathlib.Path)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--gigabytes", type=float, default=30)
    parser.add_argument("--only", nargs="+", choices=["low_res", "high_res", "mapped"], default=["low_res", "high_res"])
    arguments = parser.parse_args()
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            movie, overrides = (mapped if name == "mapped" else hoefling)(arguments, name, folder + "/data")
            most, own = peaks([arguments.build / "bin/plexiform", "train", *overrides, f"hydra.run.dir={folder}/run",
                               "++trainer.max_epochs=1", "++trainer.limit_train_batches=20", "++trainer.limit_val_batches=1",
                               "++trainer.limit_test_batches=1", "++trainer.precision=32-true",
                               "++trainer.accumulate_grad_batches=1"], {})
        print(f"{name:<10} movies {movie:.2f} GB  peak {most:.2f} GB, {own:.2f} GB of it not in files", flush=True)


if __name__ == "__main__":
    main()
