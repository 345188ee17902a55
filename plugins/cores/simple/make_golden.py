"""Writes golden.json: openretina 1.1.1's SimpleCoreWrapper on the fixtures of simple_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules.core.base_core import SimpleCoreWrapper

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

NO_PENALTY = dict(gamma_input=0.0, gamma_hidden=0.0, gamma_temporal=0.0, gamma_in_sparse=0.0)


def core(**changes):
    knobs = dict(
        channels=(2, 4, 5), temporal_kernel_sizes=(7, 5), spatial_kernel_sizes=(5, 3),
        input_padding=0, hidden_padding=[0, 1, 1], cut_first_n_frames=0, **NO_PENALTY,
    )
    return SimpleCoreWrapper(**{**knobs, **changes})


def filled(**changes):
    module = core(**changes)
    golden.fill(module)
    return module


x = golden.wave(2, 2, 20, 12, 10)
out = {}

simple = filled()
out["eval"] = simple.eval()(x)
out["train"] = simple.train()(x)
out["train running_mean"] = simple.features.layer0.norm.running_mean
out["train running_var"] = simple.features.layer0.norm.running_var

simple = filled(gamma_input=1.0, gamma_hidden=2.0, gamma_temporal=3.0, gamma_in_sparse=4.0)
(golden.weighted_sum(simple.eval()(x)) + simple.regularizer()).backward()
for name, parameter in simple.named_parameters():
    out[f"gradient {name}"] = parameter.grad

for gamma in NO_PENALTY:
    out[gamma] = filled(**{gamma: 1.0}).regularizer()

for kind in ("separable", "full", "time_independent", "custom_separable"):
    out[f"{kind}, hidden same"] = filled(convolution_type=kind, hidden_padding=True).eval()(x)
out["separable, hidden [1, 1, 1]"] = filled(convolution_type="separable", hidden_padding=[1, 1, 1]).eval()(x)
out["pool, downsample, cut"] = filled(
    spatial_kernel_sizes=(3, 3), hidden_padding=True, cut_first_n_frames=3,
    maxpool_every_n_layers=2, downsample_input_kernel_size=(1, 2, 2),
).eval()(x)
out["squash"] = filled(channels=(1, 4, 5), color_squashing_weights=(0.25, 0.75)).eval()(x)

torch.manual_seed(0)
simple = core()
for layer in (0, 1):
    for name in ("sin_weights", "cos_weights", "weight_spatial"):
        out[f"seed 0 layer{layer} {name}"] = getattr(simple.features[layer].conv, name)
torch.manual_seed(0)
simple = core(convolution_type="separable")
out["seed 0 separable space_conv"] = simple.features[1].conv.space_conv.weight
out["seed 0 separable time_conv"] = simple.features[1].conv.time_conv.weight

golden.write(here / "golden.json", out)
