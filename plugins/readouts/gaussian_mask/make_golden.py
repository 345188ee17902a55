"""Writes golden.json: openretina 1.1.1's GaussianMaskReadout on the fixtures of gaussian_mask_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules.readout.factorized_gaussian import GaussianMaskReadout
from openretina.modules.readout.multi_readout import MultiGaussianMaskReadout

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

KNOBS = dict(scale=True, bias=True, gaussian_mean_scale=6.0, gaussian_var_scale=4.0, positive=True)

out = {}
readout = GaussianMaskReadout(in_shape=(4, 6, 8, 6), outdims=3, **KNOBS)
golden.fill(readout)
rates = readout(golden.wave(2, 4, 6, 8, 6))
(golden.weighted_sum(rates) + readout.regularizer("sum")).backward()
out["rates"] = rates
out["penalty sum"] = readout.regularizer("sum")
out["penalty mean"] = readout.regularizer("mean")
for name, parameter in readout.named_parameters():
    out[f"gradient {name}"] = parameter.grad

# Narrow windows: most of their weight is what the clamp of the distance leaves to far pixels.
narrow = GaussianMaskReadout(in_shape=(4, 6, 8, 6), outdims=3, **KNOBS)
golden.fill(narrow)
narrow.mask_log_var.data.fill_(-1.5)
out["narrow rates"] = narrow(golden.wave(2, 4, 6, 8, 6))

# Mean activity in a bias that is not trained.
activity = torch.tensor([0.5, 1.0, 2.0])
fixed = GaussianMaskReadout(in_shape=(4, 6, 8, 6), outdims=3, mean_activity=activity, **{**KNOBS, "bias": False})
golden.fill(fixed)
out["no bias, mean activity"] = fixed(golden.wave(2, 4, 6, 8, 6))

torch.manual_seed(0)
sessions = MultiGaussianMaskReadout(in_shape=(5, 10, 8, 6), n_neurons_dict={"b": 3, "a": 2}, **KNOBS)
for session in ("b", "a"):
    out[f"seed 0 {session} features"] = sessions[session].features
    out[f"seed 0 {session} scale_param"] = sessions[session].scale_param

golden.write(here / "golden.json", out)
