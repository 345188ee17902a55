"""Writes random recordings in the layout of Hoefling et al. 2024 (framework/data/hoefling_2024.h): sessions that saw the 108
clips of one movie in orders of their own, every other one with the left eye. Needs numpy and h5py.

  make_hoefling.py FOLDER H,W SESSIONS NEURONS      writes FOLDER/movies.pkl and FOLDER/responses.h5
"""
import pathlib
import pickle
import sys

import h5py
import numpy as np

folder, size = pathlib.Path(sys.argv[1]), [int(n) for n in sys.argv[2].split(",")]
sessions, neurons = int(sys.argv[3]), int(sys.argv[4])
clips, frames, test_clips = 108, 150, 5
random = np.random.default_rng(1)
folder.mkdir(parents=True, exist_ok=True)
with open(folder / "movies.pkl", "wb") as file:
    pickle.dump({"train": random.standard_normal((2, clips * frames, *size), np.float32),
                 "test": random.standard_normal((2, test_clips * frames, *size), np.float32),
                 "random_sequences": np.stack([random.permutation(clips) for _ in range(sessions)], 1).astype(np.uint8)},
                file, protocol=4)
begins = 5 * np.arange(clips + 3 * test_clips) + 1.0  # s: clips of 5 s
step = 0.128  # s: images of the microscope
bins = int((begins[-1] + 6) / step)
with h5py.File(folder / "responses.h5", "w") as file:
    for s in range(sessions):
        group = file.create_group(f"session_{s:02}")
        group.attrs["eye"] = ("right", "left")[s % 2]
        group.attrs["scan_sequence_idx"] = s
        group["natural_spikes"] = random.gamma(0.3, 1, (neurons, bins))
        group["natural_traces_t0"] = np.zeros(neurons)
        group["natural_traces_dt"] = np.full(neurons, step)
        group["natural_trigger_times"] = np.tile(begins, (neurons, 1))
        group["chirp_qi"] = group["d_qi"] = np.ones(neurons)
        group["roi_ids"] = np.arange(neurons)
        group["roi_mask"] = np.zeros((64, 64), np.int64)
        group["group_assignment"] = random.integers(1, 33, neurons)
        group["group_confidences"] = np.tile(np.eye(46)[0], (neurons, 1))
