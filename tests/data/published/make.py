"""Small files in the layouts of published recordings, and the first batches that openretina 1.1.1 makes of them:
python make.py (openretina and what it needs; torchvision's Resize is stood in for where it is not installed).

maheswaranathan_2023, goldin_2022, karamanlis_2024: training windows are as long as clips, which the loader then takes in
order. expected/<layout>_<session>_<part>_{inputs,targets}.npy hold the first batch of each part.
"""
import os
import shutil
import sys
import types

import h5py
import numpy as np
import torch

from openretina.data_io.base_dataloader import multiple_movies_dataloaders

random = np.random.RandomState(5)


class Resize:  # torchvision's, of a tensor
    def __init__(self, size):
        self.size = tuple(size)

    def __call__(self, frames):
        return torch.nn.functional.interpolate(frames, self.size, mode="bilinear", antialias=True)


try:
    import torchvision  # noqa: F401
except ImportError:
    sys.modules["torchvision"] = types.ModuleType("torchvision")
    sys.modules["torchvision.transforms"] = types.ModuleType("torchvision.transforms")
    sys.modules["torchvision.transforms"].Resize = Resize


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def save(layout, session, part, batch):
    inputs, targets = batch[0], batch[1]
    name = f"expected/{layout}_{session}_{part}"
    np.save(name + "_inputs.npy", inputs.numpy().astype(np.float32))
    np.save(name + "_targets.npy", targets.numpy().astype(np.float32))


def save_first_batches(layout, movies, responses, **loader):
    loaders = multiple_movies_dataloaders(responses, movies, **loader)
    for part in ("train", "validation", "test"):
        for session in loaders[part]:
            save(layout, session, part, next(iter(loaders[part][session])))


def train_test_file(name, frames, test_frames, size, neurons, types_, stacked, repeats=3, shared=None):
    """As train_test_file.h says; `shared`: the stimuli of another file."""
    with h5py.File(name, "w") as file:
        for part, count in (("train", frames), ("test", test_frames)):
            stimulus = random.randint(0, 256, (count, *size)).astype(np.uint8) if shared is None else shared[part]
            file[f"{part}/stimulus"] = stimulus
            file[f"{part}/time"] = np.arange(count) / 100
            for kind in types_:
                if part == "train":
                    file[f"train/response/{kind}"] = random.poisson(2.0, (neurons, count)).astype(np.float64)
                else:
                    trials = random.poisson(2.0, (repeats, neurons, count)).astype(np.float64)
                    file[f"test/response/{kind}"] = trials.mean(0)
                    if stacked:
                        file[f"test/repeats/{kind}"] = trials
        if not stacked:
            for cell in range(neurons):
                file[f"test/repeats/cell{cell + 8}"] = trials[:, cell]
        return {part: file[f"{part}/stimulus"][...] for part in ("train", "test")}


def maheswaranathan_2023():
    from openretina.data_io.maheswaranathan_2023 import responses, stimuli

    base = fresh("maheswaranathan_2023")
    shared = None
    for session, neurons, stacked in (("15-10-07", 3, False), ("15-11-21a", 2, True)):
        os.makedirs(f"{base}/ganglion_cell_data/{session}")
        types_ = ("firing_rate_5ms", "firing_rate_10ms") if stacked else ("firing_rate_10ms",)
        shared = train_test_file(f"{base}/ganglion_cell_data/{session}/naturalscene.h5", 66, 12, (4, 5), neurons, types_,
                                 stacked, shared=shared)
    train_test_file(f"{base}/ganglion_cell_data/15-10-07/whitenoise.h5", 30, 12, (4, 5), 3, ("firing_rate_10ms",), True)
    os.makedirs(f"{base}/ganglion_cell_data/15-12-01")  # no recording of either stimulus
    save_first_batches(
        base, stimuli.load_all_stimuli(base, stim_type="naturalscene"),
        responses.load_all_responses(base, response_type="firing_rate_10ms", stim_type="naturalscene"),
        batch_size=2, train_chunk_size=8, clip_length=8, num_val_clips=3, allow_over_boundaries=True)


def goldin_2022():
    from openretina.data_io.goldin_2022 import responses, stimuli

    base = fresh("goldin_2022")
    shared = train_test_file(f"{base}/cell_mouse_1.h5", 20, 4, (6, 5), 11, ("binned",), False)
    train_test_file(f"{base}/cell_mouse_2.h5", 20, 4, (6, 5), 2, ("binned",), False, shared=shared)
    train_test_file(f"{base}/axolotl_1.h5", 20, 4, (6, 5), 2, ("binned",), False, shared=shared)
    with h5py.File(f"{base}/cell_mouse_2.h5", "a") as file:
        del file["test/repeats"]  # not every session has them
    save_first_batches(base, stimuli.load_all_stimuli(base, specie="mouse"),
                       responses.load_all_responses(base, specie="mouse"),
                       batch_size=4, train_chunk_size=1, clip_length=1, num_val_clips=5, allow_over_boundaries=False)


def karamanlis_2024():
    from openretina.data_io.karamanlis_2024 import responses, stimuli

    base = fresh("karamanlis_2024")
    for session, neurons in (("mouse_1", 3), ("marmoset_1", 2)):
        os.makedirs(f"{base}/{session}")
        # MATLAB writes a block of 512 bytes of its own in front.
        with h5py.File(f"{base}/{session}/{session}_fixationmovie_data.mat", "w", userblock_size=512) as file:
            for kind, images in (("running", 3), ("frozen", 2)):
                file[f"{kind}Images"] = random.randint(0, 256, (images, 50, 40)).astype(np.uint8)
            def gaze(count, images):
                return np.stack([random.randint(1, images + 1, count), random.randint(-150, 200, count),
                                 random.randint(-120, 160, count)], 1).astype(np.float64)
            file["runningfixations"] = np.stack([gaze(12, 3) for _ in range(4)])
            file["frozenfixations"] = gaze(12, 2)
            file["runningbin"] = random.poisson(1.0, (4, 12, neurons)).astype(np.float64)
            file["frozenbin"] = random.poisson(1.0, (5, 12, neurons)).astype(np.float64)
    save_first_batches(base, stimuli.load_all_stimuli(base, downsampled_size=(12, 16)), responses.load_all_responses(base),
                       batch_size=2, train_chunk_size=6, clip_length=6, num_val_clips=2, allow_over_boundaries=True)
    os.remove(f"{base}/mouse_1/mouse_1_fixationmovie_data_extracted_stimuli_12_16.npz")


if __name__ == "__main__":
    fresh("expected")
    maheswaranathan_2023()
    goldin_2022()
    karamanlis_2024()
