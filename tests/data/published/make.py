"""Small files in the layouts of published recordings, and the first batches that openretina 1.1.1 makes of them:
python make.py (openretina and what it needs; torchvision's Resize is stood in for where it is not installed).

maheswaranathan_2023, goldin_2022, karamanlis_2024: training windows are as long as clips, which the loader then takes in
order. sridhar_2025_{nm,wn}: windows of validation and test, which the loaders take in order, the trials that they drew, and
the locations of receptive fields. expected/<layout>_<session>_<part>_{inputs,targets}.npy hold the first batch of each part.
"""
import os
import pickle
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


def sridhar_files(base, retinas, kind, frames, test_frames, trials, cells, seeds=False):
    os.makedirs(f"{base}/responses")
    os.makedirs(f"{base}/stas")
    for number, retina in enumerate(retinas):
        neurons = cells + number
        data = {"train_responses": random.poisson(1.0, (neurons, frames, trials)).astype(np.float64),
                "test_responses": random.poisson(1.0, (neurons, test_frames, 12)).astype(np.float64)}
        if seeds and number == 0:
            data["seeds"] = [2022, 2023]
            data["trial_separation"] = {2022: list(range(0, trials, 2)), 2023: list(range(1, trials, 2))}
        with open(f"{base}/responses/cell_responses_{retina}_{kind}.pkl", "wb") as file:
            pickle.dump(data, file, 4)
        for cell in range(neurons):
            np.save(f"{base}/stas/cell_data_{retina}_WN_stas_cell_{cell}.npy",
                    random.randint(-9, 10, (3, 20, 26)).astype(np.int8))


def save_trial_loader(layout, loaders):
    from torch.utils.data import DataLoader

    for retina in loaders["train"]:
        for part in ("train", "validation", "test"):
            data = loaders[part][retina].dataset
            # Frames that the data set kept of another trial would be taken for this one's: a batch of its own.
            save(layout, retina, part, next(iter(DataLoader(data, batch_size=2))))
            np.save(f"expected/{layout}_{retina}_{part}_trials.npy", np.asarray(data.indices))
        np.save(f"expected/{layout}_{retina}_locations.npy", loaders["train"][retina].dataset.locations)
        trials = loaders["test"][retina].dataset.test_responses_by_trial
        trials = trials.permute(0, 2, 1) if trials.shape[1] == 30 else trials  # (R, T, N) of movies, (R, N, T) of noise
        np.save(f"expected/{layout}_{retina}_repeats.npy", trials.numpy().astype(np.float32))


def sridhar_2025_nm():
    from openretina.data_io.sridhar_2025.dataloaders import frame_movie_loader

    base = fresh("sridhar_2025_nm")
    sridhar_files(base, ("01", "02"), "fixation_movie", 40, 30, 10, 3, seeds=True)
    os.makedirs(f"{base}/fixations")
    os.makedirs(f"{base}/stimuli_padded_4")
    for image in range(4):
        np.save(f"{base}/stimuli_padded_4/{image:03}_img_{7 - image}.npy", random.randint(0, 256, (44, 36)).astype(np.uint8))
    with open(f"{base}/fixations/fixations.txt", "w") as file:
        for line in range(5100 + 40 * 10):  # the first 5100 are the test's, of which 30 are used
            seen = 30 <= line < 5100
            x, y = (13, 10) if seen else (random.randint(8, 27), random.randint(5, 22))
            file.write(f"{random.randint(4) if not seen else 0}.0 0 0 {x}.0 {y}.0 0 {random.randint(2) if not seen else 0}\n")
    save_trial_loader(base, frame_movie_loader(
        files={k: f"responses/cell_responses_{k}_fixation_movie.pkl" for k in ("01", "02")},
        fixation_files={k: "fixations/fixations.txt" for k in ("01", "02")},
        big_crops={"01": [2, 3, 4, 5], "02": [2, 3, 4, 5]}, basepath=base, num_of_frames=[4, 3], num_of_layers=2,
        time_chunk_size=6, excluded_cells={"01": [1], "02": []}, img_dir_name="stimuli_padded_4", full_img_w=44,
        full_img_h=36, img_h=20, img_w=26, padding=5, subsample=2, stimulus_seed=0))


def sridhar_2025_wn():
    from openretina.data_io.sridhar_2025.dataloaders import white_noise_loader

    base = fresh("sridhar_2025_wn")
    sridhar_files(base, ("01", "04"), "wn", 40, 30, 20, 2)
    for number in (1, 2):
        os.makedirs(f"{base}/repeating_stimuli_{number}")
        np.save(f"{base}/repeating_stimuli_{number}/all_images.npy", random.randint(0, 2, (20, 26, 30)).astype(np.uint8))
        for trial in range(20):
            os.makedirs(f"{base}/non_repeating_stimuli_{number}/trial_{trial:03}")
            # as float64 and as bool: both can be mapped
            noise = random.randint(0, 2, (20, 26, 40)).astype(np.float64 if number == 1 and trial in (2, 12) else bool)
            np.save(f"{base}/non_repeating_stimuli_{number}/trial_{trial:03}/all_images.npy", noise)
    save_trial_loader(base, white_noise_loader(
        base, files={k: f"responses/cell_responses_{k}_wn.pkl" for k in ("01", "04")},
        big_crops={"01": [2, 3, 4, 5], "04": [3, 2, 5, 4]},
        train_image_path={"01": "non_repeating_stimuli_1", "04": "non_repeating_stimuli_2"},
        test_image_path={"01": "repeating_stimuli_1", "04": "repeating_stimuli_2"}, excluded_cells={"01": [], "04": [0]},
        batch_size=2, num_of_frames=[4, 3], num_of_layers=2, time_chunk_size=6, cell_index=None, extra_frame=1))


if __name__ == "__main__":
    fresh("expected")
    maheswaranathan_2023()
    goldin_2022()
    karamanlis_2024()
    sridhar_2025_nm()
    sridhar_2025_wn()
