"""Writes golden.json: openretina 1.1.1's layers on the fixtures of layers_test.cpp."""

import math
import pathlib
import sys

import torch
from openretina.modules.layers.convolutions import (
    STSeparableBatchConv3d, TimeIndependentConv3D, TorchFullConv3D, TorchSTSeparableConv3D,
)
from openretina.modules.layers.gru import GRU_Module
from openretina.modules.layers.reducers import WeightedChannelSumLayer
from openretina.modules.layers.regularizers import (
    FlatLaplaceL23dnorm, GaussianLaplaceL2, Laplace, Laplace1d, LaplaceL2norm, gaussian2d,
)
from openretina.modules.layers.scaling import FiLM, Scale2DLayer
from openretina.modules.nonlinearities import ParametrizedELU, ParametrizedSoftplus

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

# Other layers.
def gradients(name, value, tensors):
    for label, gradient in zip(tensors, torch.autograd.grad(golden.weighted_sum(value), list(tensors.values()))):
        out[f"{name}, gradient {label}"] = gradient


gru = GRU_Module(input_channels=4, rec_channels=6, input_kern=3, rec_kern=5, groups=2)
golden.fill(gru)
clip = golden.wave(2, 4, 5, 6, 7).requires_grad_()
out["gru"] = gru((clip, None))
gradients("gru", out["gru"], {"input": clip, "reset": gru.gru.reset_gate_hidden.weight})

film = FiLM(4, 3)
golden.fill(film)
condition = golden.wave(2, 3).requires_grad_()
out["film"] = film(golden.wave(2, 4, 3, 2, 2), condition)
gradients("film", out["film"], {"conditioning": condition})

line = golden.wave(10).requires_grad_()
elu = ParametrizedELU(1.2, 0.8, 0.9, device="cpu")
out["parametrized ELU"] = elu(line)
gradients("parametrized ELU", out["parametrized ELU"], {"b": elu.b, "input": line})
softplus = ParametrizedSoftplus(1.2, 0.8, 0.9, learn_a=True)
out["parametrized softplus"] = softplus(line)
gradients("parametrized softplus", out["parametrized softplus"], {"a": softplus.a, "input": line})

frames = golden.wave(2, 3, 4, 5)
scale = Scale2DLayer(3)
golden.fill(scale)
out["scale of frames"] = scale(frames)

# Regularisers, with the gradient of the kernel.
def penalty(name, kernel, value):
    out[name] = value
    out[f"{name}, gradient"] = torch.autograd.grad(value, kernel)[0]


# Written out: in release 1.1.1 TimeLaplaceL23dnorm squares the sum of what its filter gives; later ones, as here, sum
# the squares.
def time_roughness(kernel, padding, mean):
    laplace, total = Laplace1d(padding), torch.mean if mean else torch.sum
    rough = torch.nn.functional.conv1d(kernel.unsqueeze(1), laplace.filter, padding=laplace.padding_size)
    return total(rough.square()) / (total(kernel.square()) + 1e-6)


spatial = golden.wave(3, 2, 1, 6, 5).requires_grad_()
temporal = golden.wave(3, 2, 7, 1, 1).requires_grad_()
flat = golden.wave(3, 2, 6, 5).requires_grad_()
for padding, edge in ((0, "valid"), (None, "with zeros")):
    for mean in (False, True):
        how = f"{edge}, {'mean' if mean else 'sum'}"
        penalty(f"spatial roughness, {how}", spatial, FlatLaplaceL23dnorm(padding=padding)(spatial, avg=mean))
        penalty(f"temporal roughness, {how}", temporal, time_roughness(temporal.flatten(2).flatten(0, 1), padding, mean))
penalty("spatial roughness of frames", flat, LaplaceL2norm()(flat))
for mean in (False, True):
    penalty(f"surround roughness, {'mean' if mean else 'sum'}", flat, GaussianLaplaceL2(kernel=(6, 5))(flat, avg=mean))
out["gaussian bump"] = torch.as_tensor(gaussian2d(size=(6, 5), sigma=1.25))
for side in (3, 5, 7):
    out[f"laplacian of {side} px"] = Laplace(filter_size=side)(golden.wave(2, 1, 8, 9))
golden.write(here / "golden.json", out)
