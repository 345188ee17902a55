"""Writes golden.json: openretina 1.1.1's squared error on the fixture of mse_test.cpp."""

import pathlib
import sys

from openretina.modules.losses import MSE3d

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

rate, target = 0.4 * golden.wave(2, 20, 3) + 1, golden.wave(2, 26, 3).abs() + 0.1
golden.write(here / "golden.json", {"MSE": MSE3d()(rate, target)})
