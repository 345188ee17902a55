"""Writes golden.json: openretina 1.1.1's separable LNP model of one neuron on the fixtures of separable_lnp_test.cpp."""

import pathlib
import sys

import torch
from openretina.models.linear_nonlinear import SingleCellSeparatedLNP

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

SHAPE = (2, 6, 8, 6)


def temporal_roughness(weight):
    """As openretina's later version has it: the release sums the signed second difference before it squares."""
    courses = weight.flatten(0, 1).flatten(1).unsqueeze(1)
    second = torch.nn.functional.conv1d(courses, torch.tensor([[[-1.0, 2.0, -1.0]]]), padding=1)
    return second.square().sum() / (courses.square().sum() + 1e-6)


x = golden.wave(2, 2, 9, 8, 6)
out = {}
common = {"in_shape": SHAPE, "spat_kernel_size": (8, 6), "smooth_regularizer_temp": "TimeLaplaceL23dnorm"}
for name, knobs in {
    "softplus": dict(rank=2, smooth_weight_spat=1.0, smooth_weight_temp=2.0, sparse_weight=3.0,
                     nonlinearity="parametrized_softplus"),
    "relu": dict(smooth_weight_spat=1.0, smooth_regularizer_spat="GaussianLaplaceL2", nonlinearity="relu",
                 normalize_weights=False),
}.items():
    model = SingleCellSeparatedLNP(**{**common, **knobs})
    model.laplace = lambda m=model: (m.smooth_weight_spat * m._smooth_reg_fn_spat(m.space_conv.weight.squeeze(2))
                                     + m.smooth_weight_temp * temporal_roughness(m.time_conv.weight))
    golden.fill(model)
    if name == "softplus":
        model.nonlinearity.w.data.fill_(1.3)
    rates = model(x)
    penalty = model.regularizer()
    (golden.weighted_sum(rates) + penalty).backward()
    out[f"{name} rates"] = rates
    out[f"{name} penalty"] = penalty
    out[f"{name} space gradient"] = model.space_conv.weight.grad
    out[f"{name} time gradient"] = model.time_conv.weight.grad
cropped = SingleCellSeparatedLNP(**{**common, "spat_kernel_size": (5, 4), "rf_location": (4, 3)}, nonlinearity="softplus")
golden.fill(cropped)
out["cropped rates"] = cropped(cropped.crop_input(x))

torch.manual_seed(0)
drawn = SingleCellSeparatedLNP(**common, rank=2, nonlinearity="parametrized_softplus")
out["seed 0 space"] = drawn.space_conv.weight
out["seed 0 time"] = drawn.time_conv.weight

golden.write(here / "golden.json", out)
