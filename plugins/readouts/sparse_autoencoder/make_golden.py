"""Writes golden.json: openretina 1.1.1's sparse autoencoder on the fixtures of sparse_autoencoder_test.cpp.

A step as its training does it: rows of the decoder get length 1, forward, backward, what is parallel to them leaves the
gradient.
"""

import pathlib
import sys
import warnings

import torch
from openretina.models.sparse_autoencoder import Autoencoder, SparsityMSELoss

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

D, HIDDEN = 5, 8
x = golden.wave(2, D, 7).transpose(1, 2)  # (B, T, D)
out = {}
model = Autoencoder(D, HIDDEN, SparsityMSELoss(0.02), learning_rate=0.01)
golden.fill(model, 0.4)


def step():
    loss = model.training_step((x, None), 0)
    loss.backward()
    model.on_after_backward()
    return loss


loss = step()
out["loss"] = loss
out["code"] = model.encode(x)
out["reconstruction"] = model(x)
for key, parameter in model.named_parameters():
    out[f"gradient {key}"] = parameter.grad
optimizer = model.configure_optimizers()
losses = [loss]
for _ in range(10):
    optimizer.step()
    optimizer.zero_grad()
    losses.append(step())
out["eleven losses"] = torch.stack(losses)
out["decoder after ten steps"] = model.decoder.weight

torch.manual_seed(0)
drawn = Autoencoder(D, HIDDEN, SparsityMSELoss(0.02))
out["seed 0 encoder"] = drawn.encoder.weight
out["seed 0 encoder bias"] = drawn.encoder.bias
out["seed 0 decoder"] = drawn.decoder.weight

golden.write(here / "golden.json", out)
