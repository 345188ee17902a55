"""Makes optimizers.json and lbfgs.json: parameters after 1 and 50 steps of PyTorch's own optimisers (2.13.0, CPU, not fused).

Parameter k of shapes (3,4), (5), (2,3), (3): element i = cos(0.23 (i+1) + k). Its gradient in step s = 1, 2, ...:
sin(0.31 (i+1) + 0.7 s + k); none in steps 1, 4, 7, ... for k = 2, never one for k = 3. The rate is halved after step 15.
"""
import json
import math
import pathlib

import torch

shapes = [(3, 4), (5,), (2, 3), (3,)]
cases = [
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.2, "maximize": True}),
    ("AdamW", {"lr": 0.02, "amsgrad": True}),
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.03, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.03, "momentum": 0.8, "dampening": 0.5, "maximize": True}),
    ("SGD", {"lr": 0.03, "momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "weight_decay": 0.1, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "momentum": 0.8, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "centered": True, "maximize": True, "eps": 1e-3}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
]


def wave(shape, function, step, phase, dtype):
    values = [function(step * (i + 1) + phase) for i in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float64).to(dtype).reshape(shape)


def run(name, knobs, dtype):
    parameters = [torch.nn.Parameter(wave(shape, math.cos, 0.23, k, dtype)) for k, shape in enumerate(shapes)]
    optimizer = getattr(torch.optim, name)(parameters, **knobs)
    seen = []
    for s in range(1, 51):
        for k, p in enumerate(parameters):
            missing = k == 3 or (k == 2 and s % 3 == 1)
            p.grad = None if missing else wave(p.shape, math.sin, 0.31, 0.7 * s + k, dtype)
        optimizer.step()
        if s in (1, 50):
            seen.append([x for p in parameters for x in p.detach().double().flatten().tolist()])
        if s == 15:
            optimizer.param_groups[0]["lr"] /= 2
    return seen


def run_lbfgs(knobs):
    """Parameters after 1 and 5 steps down sum_k (1.3 + k) (p - sin(0.31 (i+1) + k))^2 + 0.1 p^4, float64."""
    parameters = [torch.nn.Parameter(wave(s, math.cos, 0.23, k, torch.float64)) for k, s in enumerate(shapes)]
    optimizer = torch.optim.LBFGS(parameters, **knobs)

    def evaluate():
        optimizer.zero_grad()
        loss = 0
        for k, p in enumerate(parameters):
            goal = wave(p.shape, math.sin, 0.31, k, torch.float64)
            loss = loss + ((1.3 + k) * (p - goal) ** 2 + 0.1 * p**4).sum()
        loss.backward()
        return loss

    seen = []
    for s in range(1, 6):
        optimizer.step(evaluate)
        if s in (1, 5):
            seen.append([x for p in parameters for x in p.detach().flatten().tolist()])
    return seen


lbfgs = []
for knobs in [{"lr": 0.1, "max_iter": 4}, {"max_iter": 3, "history_size": 2, "line_search_fn": "strong_wolfe"}]:
    first, last = run_lbfgs(knobs)
    lbfgs.append(json.dumps({"knobs": knobs, "first": first, "last": last}))
(pathlib.Path(__file__).parent / "lbfgs.json").write_text("[\n" + ",\n".join(lbfgs) + "\n]\n")

lines = []
for name, knobs in cases:
    for dtype in ("float64", "float32"):
        first, last = run(name, knobs, getattr(torch, dtype))
        case = {"target": f"torch.optim.{name}", "knobs": knobs, "dtype": dtype, "first": first, "last": last}
        lines.append(json.dumps(case))
(pathlib.Path(__file__).parent / "optimizers.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
