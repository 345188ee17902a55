"""Writes golden.json: negative_binomial_test.cpp's likelihood by torch.distributions."""

import pathlib
import sys

import torch

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

mean = (0.4 * golden.wave(2, 20, 3) + 1).double().requires_grad_(True)
count = (4 * golden.wave(2, 26, 3).abs()).round().double()[:, 6:]
log_dispersion = torch.tensor([-2.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
r = torch.exp(-log_dispersion)
likelihood = torch.distributions.NegativeBinomial(total_count=r, logits=torch.log(mean / r)).log_prob(count)
loss = -likelihood - torch.lgamma(count + 1)  # the constant of the data is left out
gradients = torch.autograd.grad(loss.sum(), [mean, log_dispersion], retain_graph=True)
golden.write(here / "golden.json", {
    "mean": loss.mean(),
    "per neuron": loss.mean((0, 1)),
    "gradient": gradients[0],
    "gradient log_dispersion": gradients[1],
})
