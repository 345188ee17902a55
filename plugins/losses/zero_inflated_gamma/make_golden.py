"""Writes golden.json: zero_inflated_gamma_test.cpp's likelihood by torch.distributions."""

import pathlib
import sys

import torch
from torch.distributions import Bernoulli, Gamma, Uniform

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

LOC, EPS = 0.25, 1e-6
mean = (0.4 * golden.wave(2, 20, 3) + 1).double().requires_grad_(True)
y = (golden.wave(2, 26, 3).clamp_min(0) + 0.01).double()[:, 6:]
logit_q = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
log_k = torch.tensor([0.5, 0.0, -0.5], dtype=torch.float64, requires_grad=True)
q, k = torch.sigmoid(logit_q), torch.exp(log_k)
choice = Bernoulli(q)
active = choice.log_prob(torch.ones(3)) + Gamma(k, q * k / (mean + EPS)).log_prob((y - LOC).clamp_min(EPS))
silent = choice.log_prob(torch.zeros(3)) + Uniform(0, LOC, validate_args=False).log_prob(y.clamp_max(LOC / 2))
assert 0.2 < (y < LOC).double().mean() < 0.8
loss = -torch.where(y < LOC, silent, active)
gradients = torch.autograd.grad(loss.sum(), [mean, logit_q, log_k], retain_graph=True)
golden.write(here / "golden.json", {
    "mean": loss.mean(),
    "per neuron": loss.mean((0, 1)),
    "gradient": gradients[0],
    "gradient logit_q": gradients[1],
    "gradient log_k": gradients[2],
})
