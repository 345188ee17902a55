"""Writes golden.json: openretina 1.1.1's spatial-contrast readout on the fixtures of spatial_contrast_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules.readout.spatial_contrast_model_readout import SpatialContrastReadout

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

readout = SpatialContrastReadout(
    in_shape=(1, 12, 8, 6), outdims=3, spatial_filters=golden.wave(3, 8, 6).square(), temporal_filters=golden.wave(3, 5),
    w_init=0.3, a_init=2.0, b_init=1.0, c_init=-1.0, neuron_chunk_size=2)
rates = readout(golden.wave(2, 1, 12, 8, 6))
golden.weighted_sum(rates).backward()
out = {"rates": rates}
for name in ("w", "nl_a", "nl_b", "nl_c"):
    out[f"gradient {name}"] = getattr(readout, name).grad
golden.write(here / "golden.json", out)
