"""The Python side of testing.h: the same fixtures, and what a golden file keeps of a tensor.

A plugin's make_golden.py builds a component of the reference package, fills it, runs it, and writes golden.json beside the
plugin's test, which builds the same fixture here and compares. Needs PyTorch and the reference package, neither of which
the tests need.
"""

import json

import torch


def sines(n, phase=0.0):
    """sin(0.37 (i + 1) + phase) for i < n, in double precision."""
    return torch.sin(0.37 * torch.arange(1, n + 1, dtype=torch.float64) + phase)


def fill(module, size=0.1):
    """Overwrites every trainable parameter, in registration order."""
    for index, parameter in enumerate(p for p in module.parameters() if p.requires_grad):
        parameter.data = (size * sines(parameter.numel(), index)).reshape(parameter.shape).float()


def wave(*shape):
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (torch.sin(0.11 * i) + 0.5 * torch.cos(0.037 * i)).float().reshape(shape)


def weighted_sum(x):
    return (x.reshape(-1) * sines(x.numel()).to(x.dtype)).sum()


def summary(x):
    flat = x.detach().double().reshape(-1)
    return {
        "shape": list(x.shape),
        "sum": flat.sum().item(),
        "sumsq": flat.square().sum().item(),
        "first": flat[:3].tolist(),
        "last": flat[-1].item(),
        "weighted": weighted_sum(flat).item(),
    }


def write(path, tensors):
    """tensors: {name: tensor}; one line per entry."""
    lines = [f"{json.dumps(name)}: {json.dumps(summary(x))}" for name, x in tensors.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
