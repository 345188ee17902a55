"""Writes golden.json: masks of spline_mask_test.cpp, their splines evaluated by SciPy (de Boor's recursion)."""

import pathlib
import sys

import numpy as np
import torch
from scipy.interpolate import BSpline

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden


def basis(pixels, knots):
    """(pixels, knots): cubic splines on even knots that go on beyond the map, at the pixels' centres."""
    step = 1 / (knots - 3)
    t = step * np.arange(-3, knots + 1)
    return BSpline.design_matrix((np.arange(pixels) + 0.5) / pixels, t, 3).toarray()


coefficients = golden.sines(7 * 5 * 3).numpy().reshape(7, 5, 3)
masks = np.einsum("ik,jl,kln->nij", basis(8, 7), basis(6, 5), coefficients)
weights = golden.sines(4 * 3, 1.0).numpy().reshape(4, 3)
features = golden.wave(2, 4, 6, 8, 6).double().numpy()
rates = np.einsum("bctij,nij,cn->btn", features, masks, weights) / 48

golden.write(here / "golden.json", {"masks": torch.tensor(masks), "rates": torch.tensor(rates)})
