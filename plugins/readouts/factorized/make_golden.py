"""Writes golden.json: openretina's factorised readout on the fixtures of factorized_test.cpp.

Its release 1.1.1 takes the masks for another layout when it measures their roughness; what is written here is what its
repository does since (commit 0aadd97).
"""

import pathlib
import sys

import torch
from openretina.modules.readout.factorized import FactorizedReadout

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden


class Readout(FactorizedReadout):
    def regularizer(self, reduction=None):
        sparse = self.reg[0] * self.mask_weights.abs().sum(0).mean() + self.reg[1] * self.feature_weights.abs().sum(0).mean()
        masks = self.mask_weights.T.reshape(-1, 1, 1, *self.mask_size)
        rough = self.reg[2] * self._input_weights_regularizer_spatial(masks, avg=False)
        return sparse + (rough / 3 if reduction == "mean" else rough)


def make(**more):
    knobs = dict(in_shape=(4, 6, 8, 6), outdims=3, mask_l1_reg=5.0, weights_l1_reg=4.0, laplace_mask_reg=3.0,
                 mask_size=(8, 6), readout_bias=True, init_scales=((0.0, 0.15), (0.0, 0.15)))
    readout = Readout(**{**knobs, **more})
    golden.fill(readout)
    return readout


x = golden.wave(2, 4, 6, 8, 6)
out = {}
for constraint in ("abs", "norm", "absnorm"):
    readout = make(weights_constraint=constraint, mask_constraint="abs")
    rates = readout(x)
    penalty = readout.regularizer()
    (golden.weighted_sum(rates) + penalty).backward()
    out[f"{constraint} rates"] = rates
    out[f"{constraint} penalty"] = penalty
    for name, parameter in readout.named_parameters():
        out[f"{constraint} gradient {name}"] = parameter.grad
out["penalty mean"] = readout.regularizer("mean")
out["plain rates"] = make(readout_bias=False)(x)

masks = golden.wave(3, 1, 11, 8)
cut = FactorizedReadout(in_shape=(4, 6, 8, 6), outdims=3, mask_l1_reg=0.0, weights_l1_reg=0.0, laplace_mask_reg=0.0,
                        mask_size=(8, 6), init_mask=masks, init_weights=golden.wave(4, 3))
out["cut masks"] = cut.mask_weights

torch.manual_seed(0)
drawn = FactorizedReadout(in_shape=(4, 6, 8, 6), outdims=3, mask_l1_reg=0.0, weights_l1_reg=0.0, laplace_mask_reg=0.0,
                          mask_size=(8, 6), init_scales=((0.0, 0.15), (0.0, 0.15)))
out["seed 0 mask_weights"] = drawn.mask_weights
out["seed 0 feature_weights"] = drawn.feature_weights

golden.write(here / "golden.json", out)
