"""Makes python.safetensors with the reference implementation, and checks that it reads plexiform.safetensors.

plexiform.safetensors is what write_safetensors() writes for example() in ../host/safetensors_test.cpp.
Needs torch and safetensors (made with 2.13.0 and 0.8.0):   python safetensors_fixture.py
"""
import pathlib

import safetensors
import safetensors.torch
import torch

folder = pathlib.Path(__file__).parent
names = "bool uint8 int8 int16 int32 int64 bfloat16 float16 float32 float64".split()
tensors = {name: torch.tensor([[0, 1, 0], [1, 0, 1]]).to(getattr(torch, name)) for name in names}
tensors["scalar"] = torch.tensor(-1.5)
tensors["empty"] = torch.zeros(0, 3)
tensors["transposed"] = torch.tensor([[0.0, 3], [1, 4], [2, 5]])
metadata = {"note": 'Zürich "µ"'}
safetensors.torch.save_file(tensors, folder / "python.safetensors", metadata)

ours = safetensors.torch.load_file(folder / "plexiform.safetensors")
assert ours.keys() == tensors.keys()
for name, tensor in tensors.items():
    assert ours[name].dtype == tensor.dtype and torch.equal(ours[name], tensor), name
with safetensors.safe_open(folder / "plexiform.safetensors", "pt") as file:
    stored = file.metadata()
assert len(stored.pop("plexiform.crc64")) == 16 and stored == metadata
print("both files agree")
