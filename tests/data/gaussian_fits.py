"""Least-squares fits of a 2-D Gaussian by SciPy's bounded solver, for tests/host/spike_triggered_average_test.cpp.

python gaussian_fits.py > gaussian_fits.json   (NumPy, SciPy 1.17)
"""
import json

import numpy as np
from scipy.optimize import least_squares


def gaussian(p, shape):
    cx, cy, sx, sy, theta, amplitude = p
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    along = np.cos(theta) * (x - cx) + np.sin(theta) * (y - cy)
    across = np.cos(theta) * (y - cy) - np.sin(theta) * (x - cx)
    return amplitude * np.exp(-0.5 * (along / sx) ** 2 - 0.5 * (across / sy) ** 2)


def disturbed(p, shape, size):
    i = np.arange(shape[0] * shape[1])
    return gaussian(p, shape) + size * (np.sin(0.7 * i) * np.cos(0.13 * i)).reshape(shape)


def fitted(frame):
    height, width = frame.shape
    start = np.abs(frame).argmax()
    size = min(frame.shape) / 6
    p = [start % width, start // width, size, size, 0, frame.flat[start]]
    low = [0, 0, 0.5, 0.5, -np.pi, -np.inf]
    top = [width - 1, height - 1, width, height, np.pi, np.inf]
    fit = least_squares(lambda q: (gaussian(q, frame.shape) - frame).ravel(), p, bounds=(low, top),
                        xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=20000)
    return 2 * fit.cost, gaussian(fit.x, frame.shape)


cases = {
    "a bright spot": ([14.3, 9.7, 2.5, 1.5, 0.4, 1.0], (24, 30), 0.05),
    "a dark spot": ([6.2, 11.1, 1.8, 3.1, -0.7, -0.6], (20, 16), 0.03),
    "cut off by the edge": ([0.4, 5.0, 2.0, 2.2, 0.0, 1.2], (12, 14), 0.05),
    "a single pixel": ([5.0, 6.0, 0.2, 0.2, 0.0, 1.0], (12, 11), 0.01),
}
result = {}
for name, (p, shape, noise) in cases.items():
    cost, kept = fitted(disturbed(p, shape, noise))
    result[name] = {"given": p, "shape": shape, "noise": noise, "cost": cost, "sum": kept.sum(),
                    "middle row": kept[shape[0] // 2].tolist()}
print(json.dumps(result))
