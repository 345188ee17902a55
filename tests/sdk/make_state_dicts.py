"""Writes the files of state_dicts/, which torch_file_test.cpp reads. Needs PyTorch, which the tests do not."""

import collections
import os
import pathlib

import torch

here = pathlib.Path(__file__).parent / "state_dicts"
here.mkdir(exist_ok=True)
os.chdir(here)

every = torch.arange(6).remainder(2).reshape(2, 3)
plain = collections.OrderedDict()
for dtype in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"):
    plain[dtype] = every.to(getattr(torch, dtype))
row = torch.arange(12.0)
plain["scalar"] = torch.tensor(-1.5)
plain["empty"] = torch.zeros(0, 3)
plain["transposed"] = row.reshape(3, 4).t()
plain["part"] = row[3:9:2]  # of the same storage
plain["parameter"] = torch.nn.Parameter(row[:2].clone())
plain._metadata = collections.OrderedDict({"": {"version": 1}})  # as Module.state_dict() has it
torch.save(plain, "plain.pt")

torch.save({"epoch": 3, "rate": 0.1, "state_dict": {"core.weight": torch.arange(3.0)}, "hyper_parameters": {
    "in_shape": (1, 2), "names": ["a", "b"], "on": True, "none": None, "size": torch.Size([4, 5]), "large": 2**40,
    "negative": -7, "many": list(range(300))}}, "checkpoint.pt")
torch.save(torch.nn.Linear(2, 1), "module.pt")
torch.save({"weight": torch.zeros(1), "epochs": 3}, "not_tensors.pt")
torch.save(plain, "old.pt", _use_new_zipfile_serialization=False)


class Wicked:
    def __reduce__(self):
        return os.system, ("touch was_run",)


torch.save({"weight": Wicked()}, "wicked.pt")
