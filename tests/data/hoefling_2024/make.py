"""Small files of the layout of Hoefling et al. 2024, and what NumPy makes of them: python make.py (numpy, h5py).

Frames of 2 colours, 3 x 4 pixels; 4 training clips and 1 test clip of 150 frames; 2 sequences. Session field_a: right
eye, sequence 1, cells 0 to 3, of which 1 (type), 3 (confidence) are filtered out; field_b: left eye, sequence 0.
"""
import pickle

import h5py
import numpy as np

random = np.random.RandomState(7)
sequences = np.array([[2, 1], [0, 3], [3, 0], [1, 2]], dtype=np.uint8)
train = (np.arange(2 * 600 * 3 * 4) % 251 - 125).astype(np.float32).reshape(2, 600, 3, 4)
test = (np.arange(2 * 150 * 3 * 4) % 241 - 120).astype(np.float32).reshape(2, 150, 3, 4)
for name, protocol in (("movies.pkl", 4), ("movies_protocol_5.pkl", 5)):
    with open(name, "wb") as file:
        stats = {"dichromatic": {"mean": 37.2, "sd": 28.9}}
        pickle.dump({"train": train, "test": test, "random_sequences": sequences, "movie_stats": stats}, file, protocol)

triggers = 1.0 + 5.0 * np.arange(7)
with h5py.File("responses.h5", "w") as file:
    for name, eye, sequence, cells in (("field_a", "right", 1, 4), ("field_b", "left", 0, 2)):
        group = file.create_group(name)
        group.attrs["eye"] = eye
        group.attrs["scan_sequence_idx"] = sequence
        times = np.arange(300) * 0.128 + 0.01 * np.arange(cells)[:, None]
        traces = random.rand(cells, 300)
        group["natural_inferred_spikes"] = traces
        group["natural_traces_times"] = times
        group["natural_trigger_times"] = triggers[None]
        group["group_assignment"] = np.array([3, 40, 12, 5])[:cells] if cells == 4 else np.array([1, 2])
        group["group_confidences"] = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.1]])[:cells]
        group["d_qi"] = np.array([0.7, 0.7, 0.1, 0.7])[:cells]
        group["chirp_qi"] = np.array([0.1, 0.7, 0.5, 0.7])[:cells]
        group["roi_ids"] = np.arange(1, cells + 1)
        mask = np.ones((8, 8), dtype=np.int16)
        for cell in range(cells):
            mask[cell, cell : cell + 2] = -(cell + 1)
        group["roi_mask"] = mask
        if name == "field_a":  # what a reader has to give for it
            kept = [0, 2]
            at = np.concatenate([np.linspace(t, t + 4.9666667, 150) for t in triggers])
            all_frames = np.stack([np.interp(at, times[n], traces[n]) for n in kept])
            shown = np.concatenate([all_frames[:, 150:450], all_frames[:, 600:900]], 1)
            repeats = np.stack([all_frames[:, i : i + 150] for i in (0, 450, 900)])
            own = shown.std(1, keepdims=True)
            whole = all_frames.std(1, keepdims=True)
            np.save("train.npy", (shown / own).astype(np.float32))
            np.save("train_whole.npy", (shown / whole).astype(np.float32))
            np.save("repeats.npy", (repeats / own).astype(np.float32))
            pixels = [np.argwhere(mask == -(n + 1)).mean(0) for n in kept]
            np.save("positions.npy", (((np.stack(pixels) / 25 + 2.75) / 8 - 0.5) * 2).astype(np.float32))


class Wicked:
    def __reduce__(self):
        import os

        return os.system, ("true",)


with open("wicked.pkl", "wb") as file:
    pickle.dump({"train": Wicked()}, file, 4)
