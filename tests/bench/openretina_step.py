"""Times openretina's own training step on random data. Run by step.py with the Python of an environment that has openretina.

  openretina_step.py MODEL.yaml C,H,W NEURONS BATCH BINS STEPS THREADS
MODEL.yaml is the `model` section of a resolved config. Prints the seconds of each step after the first, as a JSON list.
"""
import json
import os
import sys
import tempfile
import time

os.environ.setdefault("OPENRETINA_CACHE_DIRECTORY", tempfile.gettempdir())
import torch
from omegaconf import OmegaConf
from openretina.models.core_readout import UnifiedCoreReadout
from openretina.utils.optimizer_utils import instantiate_optimizer

file, shape = sys.argv[1], [int(n) for n in sys.argv[2].split(",")]
neurons, batch, bins, steps, threads = (int(n) for n in sys.argv[3:8])
torch.set_num_threads(threads)
torch.manual_seed(0)
config = OmegaConf.load(file)
config.n_neurons_dict = {"session": neurons}
config.in_shape = [shape[0], bins, *shape[1:]]
model = UnifiedCoreReadout(data_info=None, **config)
model.train()
optimizer = instantiate_optimizer(config.optimizer, model.parameters(), config.learning_rate)
stimulus = torch.randn(batch, shape[0], bins, *shape[1:])
target = torch.rand(batch, bins, neurons)

seconds = []
for i in range(steps + 1):
    start = time.perf_counter()
    prediction = model.forward(stimulus, "session")
    total = model.loss.forward(prediction, target) + model.core.regularizer() + model.readout.regularizer("session")
    model.evaluation_loss.forward(prediction, target)
    optimizer.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if i > 0:
        seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
