"""Times openretina's model for one new frame: the prediction from the shortest window that has one, on one thread. Run by
stream.py with the Python of an environment that has openretina (openretina_env.sh).

  openretina_window.py MODEL.yaml C,H,W NEURONS
MODEL.yaml is the `model` section of a resolved config. Prints {"median", "p99", "max": seconds} as JSON.
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

file, (channels, height, width), neurons = sys.argv[1], (int(n) for n in sys.argv[2].split(",")), int(sys.argv[3])
torch.set_num_threads(1)
config = OmegaConf.load(file)
config.n_neurons_dict = {"session": neurons}
config.in_shape = [channels, 50, height, width]
model = UnifiedCoreReadout(data_info=None, **config).eval()
bins = 1 + sum(kernel - 1 for kernel in config.core.temporal_kernel_sizes)
seconds = []
with torch.inference_mode():
    window = torch.randn(1, channels, bins, height, width)
    model.forward(window, "session")
    until = time.perf_counter() + 10
    while len(seconds) < 10 or (time.perf_counter() < until and len(seconds) < 2000):
        start = time.perf_counter()
        model.forward(window, "session")
        seconds.append(time.perf_counter() - start)
seconds.sort()
print(json.dumps({"median": seconds[len(seconds) // 2], "p99": seconds[len(seconds) * 99 // 100], "max": seconds[-1]}))
