"""Writes golden.json, vgg11.pt and vgg11.safetensors: torchvision 0.28.0's networks on the fixtures of task_driven_test.cpp."""

import json
import pathlib
import struct
import sys

import torch
import torchvision

here = pathlib.Path(__file__).parent
sys.path.append(str(here.parents[2] / "sdk/testing"))
import golden

out = {}


class Reached(Exception):
    pass


def run(name, layer, size, side):
    network = getattr(torchvision.models, name)()
    reached = {}

    def stop(module, given, result):  # before a layer that works in place changes it
        reached["maps"] = result
        raise Reached

    dict(network.named_modules())[layer].register_forward_hook(stop)
    movie = golden.wave(1, 3, 2, side, side - 3).requires_grad_()
    frames = movie.transpose(1, 2).flatten(0, 1)
    # What comes behind the cut is no part of the core: it is neither filled nor run.
    order = [n for n, _ in network.named_modules()]
    last = max(i for i, n in enumerate(order) if n == layer or n.startswith(layer + "."))
    before = set(order[: last + 1])
    used = [p for n, p in network.named_parameters() if n.rpartition(".")[0] in before]
    for index, parameter in enumerate(used):
        parameter.data = (size * golden.sines(parameter.numel(), index)).reshape(parameter.shape).float()
    network.eval()
    try:
        network(frames)
    except Reached:
        pass
    maps = reached["maps"].unflatten(0, (1, 2)).transpose(1, 2)
    out[f"{name} {layer}"] = maps
    first, last = used[0], used[-1]
    for which, tensor in (("input", movie), ("first", first), ("last", last)):
        gradient = torch.autograd.grad(golden.weighted_sum(maps), tensor, retain_graph=True)[0]
        out[f"{name} {layer}, gradient {which}"] = gradient


run("vgg11", "features.6", 0.3, 16)
run("vgg13_bn", "features.9", 0.3, 15)
run("resnet18", "layer2", 0.5, 19)
run("resnet50", "layer1.1", 0.5, 17)

# Weight files: what a core that is cut at conv1_1 needs, and a layer that it does not.
torch.manual_seed(5)
network = torchvision.models.vgg11()
state = {name: network.state_dict()[name] for name in ("features.0.weight", "features.0.bias")}
state["classifier.6.bias"] = network.state_dict()["classifier.6.bias"][:3].clone()
torch.save(state, here / "vgg11.pt")
header, data = {}, b""
for name, tensor in state.items():
    bytes_ = tensor.numpy().tobytes()
    header[name] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[len(data), len(data) + len(bytes_)])
    data += bytes_
text = json.dumps(header).encode()
(here / "vgg11.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
out["vgg11 features.0, from a file"] = network.features[0](golden.wave(1, 3, 6, 5)).unsqueeze(2)

golden.write(here / "golden.json", out)
