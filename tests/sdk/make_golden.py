"""Writes golden.json: openretina 1.1.1's layers on the fixtures of layers_test.cpp."""

import math
import pathlib
import sys

import torch
from openretina.modules.layers.convolutions import (
    STSeparableBatchConv3d, TimeIndependentConv3D, TorchFullConv3D, TorchSTSeparableConv3D,
)
from openretina.modules.layers.reducers import WeightedChannelSumLayer

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[1] / "sdk/testing"))
import golden

out = {}

# The basis, read off kernels with a single coefficient of 1.
for name, stretch in (("1", 1.0), ("1.25", 1.25)):
    rows = {"sines": [], "cosines": []}
    log_speed = torch.nn.Parameter(torch.tensor([math.log(stretch)]))
    for k in range(7):
        for which, weights in rows.items():
            conv = STSeparableBatchConv3d(1, 1, {}, 21, 1, bias=False)
            one = torch.zeros(1, 1, 7)
            one[0, 0, k] = 1
            conv.sin_weights.data = one if which == "sines" else one * 0
            conv.cos_weights.data = one if which == "cosines" else one * 0
            conv.weight_spatial.data = torch.ones(1, 1, 1, 1, 1)
            conv._log_speed_default = log_speed.data
            conv(torch.zeros(1, 1, 21, 1, 1))
            weights.append(conv.weight.reshape(-1))
    for which, weights in rows.items():
        out[f"{which}, stretch {name}"] = torch.stack(weights)

x = golden.wave(1, 2, 9, 8, 8)


def run(kind, padding):
    conv = kind(2, 3, {}, 7, 4, padding=padding, bias=False)
    golden.fill(conv)
    return conv, conv(x)


conv, out["custom_separable"] = run(STSeparableBatchConv3d, 0)
out["custom_separable kernel"] = conv.weight
for name, kind in (("custom_separable", STSeparableBatchConv3d), ("separable", TorchSTSeparableConv3D),
                   ("full", TorchFullConv3D), ("time_independent", TimeIndependentConv3D)):
    for padding in ("same", (0, 2, 2)):
        out[f"{name} {padding}"] = run(kind, padding)[1]

out["weighted channel sum"] = WeightedChannelSumLayer((0.25, 0.75))(golden.wave(1, 2, 2, 2, 2))
golden.write(here / "golden.json", out)
