"""Writes golden.json: openretina 1.1.1's sampled Gaussian readouts on the fixtures of point_gaussian_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules.readout.gaussian import PointGaussianReadout
from openretina.modules.readout.multi_readout import MultiSampledGaussianReadout

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

SHAPE = (4, 6, 8, 6)
x = golden.wave(2, *SHAPE)
frames = x.transpose(1, 2).flatten(0, 1)
out = {}


def multi(**more):
    knobs = dict(bias=True, init_mu_range=0.1, init_sigma_range=0.15, gamma=0.4)
    readout = MultiSampledGaussianReadout(in_shape=SHAPE, n_neurons_dict={"a": 3}, **{**knobs, **more})
    golden.fill(readout, 0.5)
    return readout


for gauss_type in ("full", "uncorrelated", "isotropic"):
    readout = multi(gauss_type=gauss_type)
    out[f"{gauss_type} eval"] = readout.eval()(x, data_key="a")
    torch.manual_seed(3)
    rates = readout.train()(x, data_key="a")
    penalty = readout.regularizer("a")
    (golden.weighted_sum(rates) + penalty).backward()
    out[f"{gauss_type} train"] = rates
    out[f"{gauss_type} penalty"] = penalty
    for name, parameter in readout["a"].named_parameters():
        out[f"{gauss_type} gradient {name}"] = parameter.grad

once = multi(batch_sample=False).train()
torch.manual_seed(3)
out["one draw"] = once(x, data_key="a")
out["edges"] = multi(align_corners=False).eval()(x, data_key="a")
out["penalty mean"] = multi(reg_avg=True).regularizer("a")

shared = multi(shared_features={"match_ids": [7, 2, 7]}, shared_grid={"match_ids": [1, 1, 0]})
out["shared"] = shared.eval()(x, data_key="a")
out["shared penalty"] = shared.regularizer("a")

single = PointGaussianReadout(in_shape=SHAPE, outdims=3, bias=True, gamma_readout=0.4,
                              grid_mean_predictor=dict(hidden_layers=1, hidden_features=5, final_tanh=True),
                              source_grid=golden.wave(3, 2).numpy())
golden.fill(single, 0.5)
out["source grid"] = single.source_grid
rates = single.eval()(frames).reshape(2, 6, 3)
golden.weighted_sum(rates).backward()
out["predicted"] = rates
for name, parameter in single.named_parameters():
    if parameter.grad is not None:
        out[f"predicted gradient {name}"] = parameter.grad

torch.manual_seed(0)
drawn = MultiSampledGaussianReadout(in_shape=(5, 10, 8, 6), n_neurons_dict={"a": 3}, bias=True, init_mu_range=0.1,
                                    init_sigma_range=0.15)
out["seed 0 _mu"] = drawn["a"]._mu
out["seed 0 sigma"] = drawn["a"].sigma

torch.manual_seed(0)
drawn = PointGaussianReadout(in_shape=SHAPE, outdims=3, bias=True,
                             grid_mean_predictor=dict(hidden_layers=1, hidden_features=5),
                             source_grid=golden.wave(3, 2).numpy())
out["seed 0 mu_transform.2.weight"] = drawn.mu_transform[2].weight
out["seed 0 predicted sigma"] = drawn.sigma

golden.write(here / "golden.json", out)
