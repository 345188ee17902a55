"""Writes golden.json: neuralpredictors 0.3.0's SE2dCore, frame by frame, on the fixtures of space_then_time_test.cpp."""

import collections
import collections.abc
import pathlib
import sys

collections.Iterable = collections.abc.Iterable  # where that release looks for it

import torch
from neuralpredictors.layers.cores import SE2dCore

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

movie = golden.wave(2, 2, 3, 9, 8)  # B, C, T, H, W
out = {}


def core(**knobs):
    module = SE2dCore(**{**dict(
        input_channels=2, hidden_channels=4, input_kern=5, hidden_kern=3, layers=3, pad_input=False, stack=-1,
        gamma_input=1.0,
    ), **knobs})
    golden.fill(module, 1.0)
    return module.eval()


def run(module):
    frames = movie.transpose(1, 2).flatten(0, 1)  # B T, C, H, W
    return module(frames).unflatten(0, (2, 3)).transpose(1, 2)


out["plain"] = run(core())
out["separable"] = run(core(depth_separable=True))
out["linear end, padded input"] = run(core(pad_input=True, final_nonlinearity=False))
squeezed = core(depth_separable=True, n_se_blocks=2, se_reduction=2)
out["squeezed"] = run(squeezed)
golden.weighted_sum(out["squeezed"]).backward()
for ours, theirs in (("spatial_conv", "ds_conv.spatial_conv.weight"), ("in_depth_conv", "ds_conv.in_depth_conv.weight"),
                     ("excite", "seg_ex_block.se.3.weight")):
    out[f"squeezed, gradient {ours}"] = dict(squeezed.features.layer1.named_parameters())[theirs].grad
out["gamma_input"] = core().regularizer()

golden.write(here / "golden.json", out)
