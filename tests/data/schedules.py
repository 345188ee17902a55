"""Makes schedules.json: [target, knobs, rates, momenta] of torch 2.13.0's schedules over 50 counts, the first before any.

The optimiser is SGD(lr=0.02, momentum=0.9); momenta is null where the schedule leaves the momentum alone.
"""
import json
import pathlib
import warnings

import torch
from torch.optim import lr_scheduler

warnings.simplefilter("ignore")


def torchs(name):
    return f"torch.optim.lr_scheduler.{name}"


def part(name, **knobs):
    return {"_target_": torchs(name), **knobs}


cases = [
    ("StepLR", {"step_size": 10}),
    ("StepLR", {"step_size": 7, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [5, 20, 20, 33], "gamma": 0.3}),
    ("ExponentialLR", {"gamma": 0.95}),
    ("ConstantLR", {}),
    ("LinearLR", {"start_factor": 0.1, "total_iters": 12}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.2, "total_iters": 30}),
    ("PolynomialLR", {"total_iters": 40, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 30, "eta_min": 1e-3}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingWarmRestarts", {"T_0": 6, "T_mult": 2, "eta_min": 1e-6}),
    ("CosineAnnealingWarmRestarts", {"T_0": 9}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 50}),
    ("OneCycleLR", {"max_lr": 0.1, "epochs": 5, "steps_per_epoch": 10, "three_phase": True, "anneal_strategy": "linear"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 6, "step_size_down": 9, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 8, "mode": "exp_range", "gamma": 0.98, "cycle_momentum": False}),
    ("SequentialLR", {"schedulers": [part("LinearLR", start_factor=0.01, total_iters=8), part("CosineAnnealingLR", T_max=20)],
                      "milestones": [8]}),
    ("SequentialLR", {"schedulers": [part("ConstantLR", total_iters=3), part("ExponentialLR", gamma=0.9),
                                     part("StepLR", step_size=5)], "milestones": [10, 25]}),
    ("ChainedScheduler", {"schedulers": [part("LinearLR", start_factor=0.2, total_iters=9), part("ExponentialLR", gamma=0.97)]}),
    ("ChainedScheduler", {"schedulers": [part("CosineAnnealingLR", T_max=12, eta_min=0.004), part("StepLR", step_size=20)]}),
]


def make(optimizer, name, knobs):
    knobs = dict(knobs)
    if "schedulers" in knobs:
        knobs["schedulers"] = [
            make(optimizer, p["_target_"].split(".")[-1], {k: v for k, v in p.items() if k != "_target_"})
            for p in knobs["schedulers"]
        ]
        if name == "ChainedScheduler":
            return lr_scheduler.ChainedScheduler(knobs["schedulers"])
    return getattr(lr_scheduler, name)(optimizer, **knobs)


lines = []
for name, knobs in cases:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.02, momentum=0.9)
    scheduler = make(optimizer, name, knobs)
    rates, momenta = [], []
    for n in range(50):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if n < 49:
            scheduler.step()
    cycles = any(m != 0.9 for m in momenta)
    lines.append(json.dumps([torchs(name), knobs, rates, momenta if cycles else None]))
(pathlib.Path(__file__).parent / "schedules.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
