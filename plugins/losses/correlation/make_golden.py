"""Writes golden.json: openretina 1.1.1's correlation loss on the fixture of correlation_test.cpp."""

import pathlib
import sys

from openretina.modules.losses import CorrelationLoss3d

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

rate, target = 0.4 * golden.wave(2, 20, 3) + 1, golden.wave(2, 26, 3).abs() + 0.1
golden.write(here / "golden.json", {
    "Corr sum": CorrelationLoss3d()(rate, target),
    "Corr avg nonneg": CorrelationLoss3d(avg=True, negate=False)(rate, target),
    "Corr per_neuron": CorrelationLoss3d(per_neuron=True)(rate, target),
})
