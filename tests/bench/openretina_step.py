"""Times openretina's own training step on the data, and from the weights, that step_bench left. Run by step.py with the
Python of an environment that has openretina (openretina_env.sh).

  openretina_step.py MODEL.yaml FOLDER STEPS THREADS
MODEL.yaml is the `model` section of a resolved config, FOLDER that of step_bench. Prints {"seconds": of each step after the
first, "losses": of each step} as JSON.
"""
import json
import os
import pathlib
import struct
import sys
import tempfile
import time

os.environ.setdefault("OPENRETINA_CACHE_DIRECTORY", tempfile.gettempdir())
import h5py
import numpy as np
import torch
from omegaconf import OmegaConf
from openretina.models.core_readout import UnifiedCoreReadout
from openretina.utils.optimizer_utils import instantiate_optimizer


def tensors(file):
    """Of a safetensors file: 8 bytes of length, a JSON header of that length, the numbers."""
    data = pathlib.Path(file).read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    kinds = {"F32": np.float32, "I64": np.int64}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__" and entry["dtype"] in kinds:
            begin, end = entry["data_offsets"]
            yield name, np.frombuffer(data[start + begin:start + end], kinds[entry["dtype"]]).reshape(entry["shape"])


file, folder, steps, threads = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
movies = sorted(folder.glob("data/stimuli/train_*.npy"))
stimulus = torch.from_numpy(np.stack([np.load(movie) for movie in movies]))
with h5py.File(folder / "data/session.h5") as session:
    target = torch.from_numpy(np.stack([session[f"responses_{movie.stem}"][:].T for movie in movies]))
config = OmegaConf.load(file)
config.n_neurons_dict = {"session": target.shape[2]}
config.in_shape = list(stimulus.shape[1:])
model = UnifiedCoreReadout(data_info=None, **config)
own = model.state_dict()
loaded = 0
for name, value in tensors(folder / "initial.safetensors"):
    key = name.removeprefix("model.")
    if key in own:
        own[key].copy_(torch.from_numpy(value.copy()).view_as(own[key]))
        loaded += 1
trained = sum(1 for _ in model.parameters())
if loaded < trained:
    sys.exit(f"of {trained} parameters, {loaded} tensors were found; here: {list(own)}")
model.train()
optimizer = instantiate_optimizer(config.optimizer, model.parameters(), config.learning_rate)

torch.manual_seed(7)  # as step_bench
seconds, losses = [], []
for i in range(steps + 1):
    start = time.perf_counter()
    prediction = model.forward(stimulus, "session")
    total = model.loss.forward(prediction, target) + model.core.regularizer() + model.readout.regularizer("session")
    losses.append(total.item())
    model.evaluation_loss.forward(prediction, target)
    optimizer.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if i > 0:
        seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": seconds, "losses": losses}))
