"""Writes golden.json: openretina 1.1.1's Poisson loss on the fixture of poisson_test.cpp."""

import pathlib
import sys

from openretina.modules.losses import PoissonLoss3d

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

rate, target = 0.4 * golden.wave(2, 20, 3) + 1, golden.wave(2, 26, 3).abs() + 0.1
golden.write(here / "golden.json", {
    "Poisson sum": PoissonLoss3d()(rate, target),
    "Poisson avg": PoissonLoss3d(avg=True)(rate, target),
    "Poisson per_neuron": PoissonLoss3d(per_neuron=True)(rate, target),
})
