"""Trains models of this folder's checkpoints for ten steps in openretina, and writes what comes of it.

For each NAME ten_steps_NAME.safetensors: the loss of each step ("losses", (10,), regularisers included) and the state
dict afterwards ("state.<key>"). Batch k is of session k % 2 of (a, b), two windows of 12 bins of the same movie, which the test
makes by the same formulas. AdamW with PyTorch's defaults but for the rate. Needs openretina 1.1.1:
    python make_ten_steps.py
"""

import pathlib
import warnings

import torch
from openretina.models.core_readout import ExampleCoreReadout, UnifiedCoreReadout
from safetensors.torch import save_file

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
neurons = {"a": 2, "b": 3}


def movie():
    """(C, T, H, W) = (2, 60, 8, 6)"""
    i = torch.arange(2 * 60 * 8 * 6, dtype=torch.float64)
    return (torch.sin(0.11 * i) + 0.5 * torch.cos(0.037 * i * i)).float().reshape(2, 60, 8, 6)


def responses(count):
    """(T, N)"""
    i = torch.arange(60 * count, dtype=torch.float64)
    return (1 + torch.sin(0.3 * i)).float().reshape(60, count)


for name, kind in {"gaussian_mask": UnifiedCoreReadout, "gru": UnifiedCoreReadout, "lnp": UnifiedCoreReadout,
                   "example": ExampleCoreReadout}.items():
    model = kind.load_from_checkpoint(here / f"{name}.ckpt", weights_only=False).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    losses = []
    for step in range(10):
        session = "ab"[step % 2]
        clips, targets = [], []
        for start in (3 * step, 3 * step + 20):
            clips.append(movie()[:, start:start + 12])
            targets.append(responses(neurons[session])[start:start + 12])
        optimizer.zero_grad()
        loss = model.loss(model(torch.stack(clips), session), torch.stack(targets))
        loss = loss + model.core.regularizer() + model.readout.regularizer(session)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    out = {"losses": torch.tensor(losses, dtype=torch.float64)}
    for key, tensor in model.state_dict().items():
        out[f"state.{key}"] = tensor.contiguous().clone()
    save_file(out, here / f"ten_steps_{name}.safetensors")
    print(name, losses)
