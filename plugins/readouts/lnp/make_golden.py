"""Writes golden.json: openretina 1.1.1's LNP readout on the fixtures of lnp_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules.readout.linear_nonlinear_poison import LNPReadout

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

SHAPE = (2, 6, 8, 6)
x = golden.wave(2, *SHAPE)
out = {}
for name, knobs in {
    "softplus": dict(nonlinearity="softplus", smooth_weight=1.0, sparse_weight=2.0, bias=True),
    "exp": dict(smooth_weight=1.0, smooth_regularizer="GaussianLaplaceL2"),
    "no padding": dict(smooth_weight=1.0, laplace_padding=0),
}.items():
    readout = LNPReadout(in_shape=SHAPE, outdims=3, **knobs)
    golden.fill(readout)
    rates, penalty = readout(x), readout.regularizer()
    (golden.weighted_sum(rates) + penalty).backward()
    out[f"{name} rates"] = rates
    out[f"{name} penalty"] = penalty
    out[f"{name} gradient"] = readout.inner_product_kernel.weight.grad

torch.manual_seed(0)
drawn = LNPReadout(in_shape=SHAPE, outdims=3, bias=True)
out["seed 0 weight"] = drawn.inner_product_kernel.weight
out["seed 0 bias"] = drawn.inner_product_kernel.bias

golden.write(here / "golden.json", out)
