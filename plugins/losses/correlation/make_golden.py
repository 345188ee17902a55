"""Writes golden.json: openretina 1.1.1's correlation losses on the fixtures of correlation_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules import measures
from openretina.modules.losses.correlation import (
    CelltypeCorrelationLoss3d,
    CorrelationLoss3d,
    L1CorrelationLoss3d,
    ScaledCorrelationLoss3d,
)

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

rate, target = 0.4 * golden.wave(2, 20, 3) + 1, golden.wave(2, 26, 3).abs() + 0.1
rate.requires_grad_(True)
types, counts = torch.tensor([[1, 2, 1], [1, 2, 1]]), torch.tensor([2, 3])
golden.write(here / "golden.json", {
    "Corr sum": CorrelationLoss3d()(rate, target),
    "Corr avg nonneg": CorrelationLoss3d(avg=True, negate=False)(rate, target),
    "Corr per_neuron": CorrelationLoss3d(per_neuron=True)(rate, target),
    "Corr gradient": torch.autograd.grad(CorrelationLoss3d()(rate, target), rate)[0],
    "cell types sum": CelltypeCorrelationLoss3d()(rate, target, types, counts),
    "cell types per_neuron": CelltypeCorrelationLoss3d(per_neuron=True)(rate, target, types, counts),
    "L1 sum": L1CorrelationLoss3d()((rate, rate), target),
    "L1 avg": L1CorrelationLoss3d(avg=True)((rate, rate), target),
    "windows of 5": ScaledCorrelationLoss3d(scale=5)(rate, target),
    "windows of 7": ScaledCorrelationLoss3d(scale=7, avg=True, negate=False)(rate, target),
    "windows of 7 per_neuron": ScaledCorrelationLoss3d(scale=7, per_neuron=True)(rate, target),
    "windows gradient": torch.autograd.grad(ScaledCorrelationLoss3d(scale=7)(rate, target), rate)[0],
    "measures windows": measures.ScaledCorrelationLoss3d(scale=5)(rate, target, types, counts),
    "measures cell types": measures.CelltypeCorrelationLoss3d(avg=True)(rate, target, types, counts),
})
