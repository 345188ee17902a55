"""Makes plateaus.json: what torch 2.13.0's ReduceLROnPlateau and pytorch-lightning 2.6.6's EarlyStopping do with a metric.

"schedule"  the learning rate after each of 50 epochs, first 0.01
"stopping"  per epoch: 1 = stop, 0 = go on (asked on after a stop, as restored runs do)
"""
import json
import math
import pathlib

import torch
from pytorch_lightning.callbacks import EarlyStopping

rising = [0.5 + 0.3 * (1 - math.exp(-s / 6)) + 0.04 * math.sin(1.7 * s) for s in range(50)]
series = {"max": rising, "min": [1 - m for m in rising]}


def schedule(knobs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **{"min_lr": 0.01 * knobs["factor"] ** 3, **knobs})
    rates = []
    for metric in series[knobs["mode"]]:
        scheduler.step(metric)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def stopping(knobs):
    callback = EarlyStopping("m", **knobs)
    metrics = torch.tensor(series[knobs["mode"]], dtype=torch.float64)
    return [int(callback._evaluate_stopping_criteria(metric)[0]) for metric in metrics]


result = {
    "metric": series,
    "schedule": [
        [knobs, schedule(knobs)]
        for knobs in [
            {"mode": "max", "factor": 0.3, "patience": 5, "threshold": 5e-4, "threshold_mode": "abs"},
            {"mode": "max", "factor": 0.5, "patience": 2, "threshold": 0.01, "cooldown": 4, "min_lr": 0},
            {"mode": "min", "factor": 0.1, "patience": 0, "threshold": 0.05},
            {"mode": "min", "factor": 0.9, "patience": 1, "threshold": 0.02, "threshold_mode": "abs", "min_lr": 0.002},
            {"mode": "min", "factor": 0.7, "patience": 1, "eps": 0.001, "min_lr": 0},
        ]
    ],
    "stopping": [
        [knobs, stopping(knobs)]
        for knobs in [
            {"mode": "max", "patience": 10, "min_delta": 0.001, "check_finite": False},
            {"mode": "min", "patience": 3},
            {"mode": "max", "patience": 0, "min_delta": 0.02},
            {"mode": "max", "patience": 50, "stopping_threshold": 0.8},
            {"mode": "min", "patience": 50, "divergence_threshold": 0.3},
        ]
    ],
}
lines = [f'"{key}": {json.dumps(value)}' for key, value in result.items()]
(pathlib.Path(__file__).parent / "plateaus.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
