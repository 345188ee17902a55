"""Writes golden.json: openretina 1.1.1's Poisson losses on the fixtures of poisson_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules import measures
from openretina.modules.losses.poisson import CelltypePoissonLoss3d, L1PoissonLoss3d, PoissonLoss3d

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

rate, target = 0.4 * golden.wave(2, 20, 3) + 1, golden.wave(2, 26, 3).abs() + 0.1
rate.requires_grad_(True)
types, counts = torch.tensor([[1, 2, 1], [1, 2, 1]]), torch.tensor([2, 3])
golden.write(here / "golden.json", {
    "Poisson sum": PoissonLoss3d()(rate, target),
    "Poisson avg": PoissonLoss3d(avg=True)(rate, target),
    "Poisson per_neuron": PoissonLoss3d(per_neuron=True)(rate, target),
    "L1 sum": L1PoissonLoss3d()(rate, target),
    "L1 avg": L1PoissonLoss3d(avg=True, gamma_l1=0.1)(rate, target),
    "L1 per_neuron": L1PoissonLoss3d(per_neuron=True, gamma_l1=0.1)(rate, target),
    "L1 gradient": torch.autograd.grad(L1PoissonLoss3d(gamma_l1=0.1)(rate, target), rate)[0],
    "cell types sum": CelltypePoissonLoss3d()(rate, target, types, counts),
    "cell types per_neuron": CelltypePoissonLoss3d(per_neuron=True)(rate, target, types, counts),
    "cell types gradient": torch.autograd.grad(CelltypePoissonLoss3d()(rate, target, types, counts), rate)[0],
    "measures cell types": measures.CelltypePoissonLoss3d(avg=True)(rate, target, types, counts),
    "measures standard": measures.StandardPoissonLoss3d(avg=True)(rate, target, types, counts),
})
