"""Writes golden.json: openretina 1.1.1's recurrent cores on the fixtures of conv_gru_test.cpp."""

import pathlib
import sys

import torch
from openretina.modules.core.gru_core import ConditionedGRUCore, ConvGRUCore

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

SIZES = dict(channels=(2, 4, 5), temporal_kernel_sizes=[7, 5], spatial_kernel_sizes=[5, 3])
GRU = dict(use_projections=True, use_gru=True, gru_kwargs=dict(rec_channels=3, input_kern=3, rec_kern=3))
GAMMAS = dict(gamma_input=1.0, gamma_hidden=2.0, gamma_temporal=3.0, gamma_in_sparse=4.0)

x = golden.wave(1, 2, 14, 12, 10)
out = {}


def filled(kind=ConvGRUCore, **knobs):
    module = kind(**{**SIZES, **knobs})
    golden.fill(module)
    return module


recurrent = filled(**GRU)
out["eval"] = recurrent.eval()(x)
out["train"] = recurrent.train()(x)
out["train running_var"] = recurrent.features.layer1.norm.running_var

recurrent = filled(**GRU, **GAMMAS)
(golden.weighted_sum(recurrent.eval()(x)) + recurrent.regularizer()).backward()
for name, parameter in recurrent.named_parameters():
    out[f"gradient {name}"] = parameter.grad

for gamma in GAMMAS:
    out[gamma] = filled(**{gamma: 1.0}).regularizer()
out["gamma_input, mean, with zeros"] = filled(gamma_input=1.0, use_avg_reg=True, laplace_padding=None).regularizer()

out["three layers, padded"] = filled(
    channels=(2, 4, 5, 3), temporal_kernel_sizes=[5, 3, 3], spatial_kernel_sizes=[4, 3, 5], input_padding=True,
    hidden_padding=[0, 2, 2], final_nonlinearity=False, nonlinearity="GELU",
).eval()(x)
for kind in ("separable", "full", "time_independent"):
    out[kind] = filled(convolution_type=kind).eval()(x)
out["no batch norm"] = filled(batch_norm=False).eval()(x)
out["offset alone"] = filled(batch_norm_scale=False).eval()(x)
out["no padding of the state"] = filled(
    use_gru=True, gru_kwargs=dict(rec_channels=10, input_kern=2, rec_kern=3, groups=5, pad_input=False)
).eval()(x)

sessions = {"a": 1, "b": 2}
for kind in ("custom_separable", "separable"):
    core = filled(batch_adaptation=True, n_neurons_dict=sessions, convolution_type=kind)
    out[f"{kind} of session b"] = core.eval()(x, data_key="b")
    golden.weighted_sum(core(x, data_key="b")).backward()
    out[f"{kind} of session b, gradient"] = core.log_speed_b.grad

conditioned = filled(ConditionedGRUCore, cond_dim=3, use_projections=True)
conditioning = golden.wave(1, 3)
out["conditioned"] = conditioned.eval()(x, conditioning)
out["conditioned by nothing"] = conditioned.eval()(x)
golden.weighted_sum(conditioned(x, conditioning)).backward()
for name in ("film_0.fc_gamma.weight", "film_2.fc_beta.bias"):
    out[f"conditioned, gradient {name}"] = dict(conditioned.named_parameters())[name].grad

torch.manual_seed(0)
new = ConvGRUCore(**SIZES, **GRU)
out["seed 0 projection"] = new.features.projection[0].conv.weight
out["seed 0 layer1 sin_weights"] = new.features.layer1.conv.sin_weights
out["seed 0 out_gate_hidden"] = new.features.gru.gru.out_gate_hidden.weight
torch.manual_seed(0)
new = ConditionedGRUCore(cond_dim=3, **SIZES, convolution_type="separable", use_projections=True)
out["seed 0 separable layer1 time_conv"] = new.features.layer1.conv.time_conv.weight
out["seed 0 film_2"] = new.film_2.fc_beta.weight

golden.write(here / "golden.json", out)
