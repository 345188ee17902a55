"""Writes the checkpoints of this folder, as openretina's training writes them, and what their models predict.

For every model class NAME.ckpt, and NAME.safetensors with a clip ("clip", (B, C, T, H, W)), each session's prediction of it
("prediction.<session>", in evaluation mode) and the keys and values of the state dict ("state.<key>").
Needs openretina 1.1.1 and PyTorch, which the tests do not:
    python make_checkpoints.py
"""

import os
import pathlib
import tempfile
import warnings

import lightning
import numpy as np
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

from openretina.models.core_readout import BaseCoreReadout, ExampleCoreReadout, UnifiedCoreReadout
from openretina.models.linear_nonlinear import SingleCellSeparatedLNP
from openretina.models.sparse_autoencoder import Autoencoder, SparsityMSELoss
from openretina.models.spatial_contrast import SingleCellSpatialContrast, SpatialContrastCoreReadout
from openretina.modules.core.base_core import SimpleCoreWrapper
from openretina.modules.readout.multi_readout import MultiGaussianMaskReadout

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).resolve().parent
neurons = {"b": 3, "a": 2}  # in an order that is not the alphabet's


def info(channels, height, width):
    """data_info, as compute_data_info makes it, and what a test run adds."""
    activity = {name: torch.linspace(0.3, 1.2, count) for name, count in neurons.items()}
    return {"n_neurons_dict": dict(neurons), "mean_activity_dict": activity, "input_shape": (channels, height, width),
            "sessions_kwargs": {name: {"roi_ids": np.arange(count), "group": "rgc"} for name, count in neurons.items()},
            "stim_mean": 37.2, "stim_std": 11.5, "response_rate_hz": 30, "pretrained_performance_metric": "test x",
            "pretrained_performance": {"a": torch.tensor([0.25, 0.5])}, "model_cut_frames": 4}


def stir(model, seed):
    """Moves all parameters and statistics away from where they start, as training would."""
    generator = torch.Generator().manual_seed(seed)
    trained = {name for name, _ in model.named_parameters()}
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name not in trained and not name.endswith(("running_mean", "running_var", ".bias")):
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.mul_((0.3 * noise).exp())
            elif "log_var" in name or "_mu" in name or "mask_mean" in name:
                tensor.add_(0.1 * noise)
            else:
                tensor.add_(noise * 0.3 * tensor.std(unbiased=False).clamp(0.1, 1))
    return model


def write(name, model, clip_shape, seed=1, everything=False):
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False)
    stir(model, seed).eval()
    trainer.strategy.connect(model)
    trainer.save_checkpoint(here / f"{name}.ckpt", weights_only=not everything)
    state = {f"state.{key}": tensor.contiguous().clone() for key, tensor in model.state_dict().items()}
    clip = torch.randn(clip_shape, generator=torch.Generator().manual_seed(100 + seed))
    out = {"clip": clip}
    with torch.no_grad():
        sessions = sorted(neurons) if hasattr(model, "readout") else ["neuron"]
        if isinstance(model, Autoencoder):  # of activity (B, T, N), which is here a movie (B, N, T, 1, 1)
            sessions = []
            out["prediction.population"] = model(clip[..., 0, 0].mT).contiguous()
        for session in sessions:
            crop = getattr(model, "crop", False)  # outside of its steps this model leaves that to the caller
            out[f"prediction.{session}"] = model(model.crop_input(clip) if crop else clip, session).contiguous()
    save_file({**out, **state}, here / f"{name}.safetensors")
    print(name, {k: tuple(v.shape) for k, v in out.items() if k.startswith("prediction")},
          (here / f"{name}.ckpt").stat().st_size, (here / f"{name}.safetensors").stat().st_size)


def unified(core, readout, in_shape, hidden=None, **more):
    """A model as openretina's train command makes it: core and readout are part of one config."""
    config = OmegaConf.create({"model": {
        "in_shape": list(in_shape), "learning_rate": 0.01, "hidden_channels": hidden, "rate": 0.25,
        "core": {"_target_": f"openretina.modules.core.{core[0]}", "_convert_": "object", **core[1]},
        "readout": {"_target_": f"openretina.modules.readout.multi_readout.{readout[0]}", "_convert_": "object",
                    **readout[1]},
        "optimizer": {"_target_": "torch.optim.AdamW", "lr": "${model.learning_rate}"}, **more}})
    model = dict(config.model)
    model.pop("rate")
    return UnifiedCoreReadout(n_neurons_dict=dict(neurons), data_info=info(in_shape[0], *in_shape[2:]), **model)


no_gammas = {"gamma_input": 0.0, "gamma_temporal": 0.0, "gamma_in_sparse": 0.0, "gamma_hidden": 0.0}
simple = ("base_core.SimpleCoreWrapper",
          {"temporal_kernel_sizes": [7, 3], "spatial_kernel_sizes": [3, 3], "gamma_input": 0.3,
           "gamma_temporal": 4.0, "gamma_in_sparse": "${model.rate}", "gamma_hidden": 0.1, "dropout_rate": 0.0,
           "cut_first_n_frames": 0, "maxpool_every_n_layers": None, "downsample_input_kernel_size": None,
           "input_padding": False, "hidden_padding": True})
mask = ("MultiGaussianMaskReadout",
        {"scale": True, "bias": True, "gaussian_mean_scale": 6.0, "gaussian_var_scale": 4.0, "positive": True,
         "mask_l1_reg": 1.0, "feature_weights_l1_reg": 1.0, "readout_reg_avg": False})
point = ("MultiSampledGaussianReadout",
         {"bias": True, "init_mu_range": 0.1, "init_sigma_range": 0.15, "gamma": 0.4, "batch_sample": True})
free = ("MultiFactorizedReadout",
        {"mask_l1_reg": 5.0, "weights_l1_reg": 5.0, "laplace_mask_reg": 1.0, "readout_bias": True,
         "weights_constraint": "absnorm", "mask_constraint": "abs", "init_scales": [[0.0, 0.15], [0.0, 0.15]]})
lnp = ("MultipleLNPReadout", {"nonlinearity": "softplus", "smooth_weight": 1.0, "sparse_weight": 1.0, "bias": True})
gru = {"temporal_kernel_sizes": [5, 3], "spatial_kernel_sizes": [3, 3], "gamma_input": 0.3, "gamma_in_sparse": 1.0,
       "gamma_temporal": 40.0, "hidden_padding": True, "input_padding": False, "use_gru": True,
       "use_projections": True,
       "gru_kwargs": {"rec_channels": 2, "input_kern": 3, "rec_kern": 3, "gamma_rec": 1.0}}
shape, clip = (2, 12, 8, 6), (2, 2, 11, 8, 6)


def convolution(kind, **more):
    return (simple[0], {**simple[1], **no_gammas, "convolution_type": kind, **more})


def spike_triggered_average(folder, name, row, column, frames=6, height=9, width=8):
    y, x = np.mgrid[:height, :width]
    space = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 1.2**2))
    time = np.sin(np.linspace(0, 3, frames))
    np.save(f"{folder}/{name}.npy", (time[:, None, None] * space).astype(np.float32))


def models():
    """(name, model, shape of a clip) of each, its parameters as they start."""
    torch.manual_seed(0)
    yield ("gaussian_mask", unified(simple, mask, shape, [2, 3]), clip)
    yield ("gaussian_mask_fixed", unified(
        convolution("time_independent", hidden_padding=[0, 2, 2], maxpool_every_n_layers=2),
        (mask[0], {**mask[1], "scale": False, "bias": False, "positive": False}), shape, [2, 3],
        loss={"_target_": "openretina.modules.losses.poisson.L1PoissonLoss3d", "gamma_l1": 0.001},
        evaluation_loss={"_target_": "openretina.modules.losses.poisson.PoissonLoss3d", "avg": True}), clip)
    yield ("point_gaussian", unified(convolution("separable", dropout_rate=0.1), point, shape, [2, 3]), clip)
    yield ("factorized", unified(convolution("full"), free, shape, [2, 3]), clip)
    yield ("lnp", unified(("base_core.DummyCore", {"cut_first_n_frames": 3}), lnp, shape), clip)
    yield ("squashed", unified(
        (simple[0], {**simple[1], "color_squashing_weights": [0.3, 0.7], "channels": [1, 2, 2], "input_padding": True,
                     "cut_first_n_frames": 2, "downsample_input_kernel_size": [1, 2, 1]}), mask, shape), clip)
    yield ("gru", unified(("gru_core.ConvGRUCore", {**gru, "batch_adaptation": True}), mask, shape, [2, 3]), clip)
    yield ("conditioned_gru", unified(
        ("gru_core.ConditionedGRUCore", {**gru, "cond_dim": 2, "use_gru": False, "bias": False, "batch_norm_scale": False}),
        mask, shape, [2, 3]), clip)
    yield ("example", ExampleCoreReadout(
        in_shape=shape, hidden_channels=(2, 3), temporal_kernel_sizes=(5, 3), spatial_kernel_sizes=(3, 3),
        n_neurons_dict=dict(neurons), cut_first_n_frames_in_core=1, core_gamma_input=0.3, core_hidden_padding=True,
        readout_gamma=0.4, readout_gamma_masks=0.2, data_info=info(2, 8, 6)), clip)
    core = SimpleCoreWrapper(channels=(2, 2, 3), temporal_kernel_sizes=(5, 3), spatial_kernel_sizes=(3, 3),
                             gamma_input=0.3, gamma_temporal=4.0, gamma_in_sparse=0.1, gamma_hidden=0.2,
                             cut_first_n_frames=0, hidden_padding=True)
    yield ("base", BaseCoreReadout(
        core=core, readout=MultiGaussianMaskReadout((3, 8, 6, 4), dict(neurons), True, True, 6.0, 4.0, True),
        learning_rate=0.01, data_info=info(2, 8, 6)), clip)
    yield ("separated_lnp", SingleCellSeparatedLNP(
        in_shape=(2, 5, 8, 6), spat_kernel_size=(5, 4), rf_location=(4, 3), rank=2, nonlinearity="parametrized_softplus",
        smooth_regularizer_temp="TimeLaplaceL23dnorm"), (2, 2, 9, 8, 6))
    yield ("separated_lnp_plain", SingleCellSeparatedLNP(
        in_shape=(1, 5, 8, 6), spat_kernel_size=(8, 6), nonlinearity="softplus", normalize_weights=False,
        smooth_regularizer_temp="TimeLaplaceL23dnorm"), (2, 1, 9, 8, 6))
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        folder = "stas"  # as the checkpoints then say
        os.mkdir(folder)
        spike_triggered_average(folder, "cell", 4.2, 3.4)
        for session, count in neurons.items():
            for cell in range(count):
                spike_triggered_average(folder, f"cell_data_{session}_WN_stas_cell_{cell}", 3 + cell, 4 - cell / 2)
        yield ("spatial_contrast", SpatialContrastCoreReadout(
            in_shape=(1, 10, 9, 8), n_neurons_dict=dict(neurons), sta_dir=folder, temporal_crop_frames=4,
            data_info={**info(1, 9, 8), "sessions_kwargs": {
                name: {"cell_indices": list(range(count))} for name, count in neurons.items()}}), (2, 1, 10, 9, 8))
        yield ("single_contrast", SingleCellSpatialContrast(
            in_shape=(1, 10, 9, 8), sta_dir=folder, sta_file_name="cell.npy", temporal_crop_frames=4, w_init=0.3),
            (2, 1, 10, 9, 8))
        yield ("single_contrast_cropped", SingleCellSpatialContrast(
            in_shape=(1, 10, 9, 8), sta_dir=folder, sta_file_name="cell.npy", temporal_crop_frames=4, w_init=0.3,
            spat_crop_size=(5, 4)), (2, 1, 10, 9, 8))
        os.chdir(here)
    yield ("autoencoder", Autoencoder(3, 4, SparsityMSELoss(0.1)), (2, 3, 5, 1, 1))


# What has to be refused: code that unpickling would run, and a model of no class that is known.


class Wicked:
    def __reduce__(self):
        return os.system, ("touch was_run",)


if __name__ == "__main__":
    for name, model, clip_shape in models():
        write(name, model, clip_shape, everything=name == "gaussian_mask")
    weights = {"core.weight": torch.zeros(1)}
    torch.save({"state_dict": weights, "hyper_parameters": {"core": Wicked(), "readout": {}}}, here / "wicked.ckpt")
    torch.save({"state_dict": weights, "hyper_parameters": {"width": 3, "depth": 2}}, here / "unknown.ckpt")
