"""Loads recordings as openretina's train command does, and takes the first training batch. Run by first_batch.py with the
Python of an environment that has openretina.

  openretina_first_batch.py CONFIGS CONFIG [override ...]      CONFIGS: the folder of its configs
Prints {"seconds": since the process began, "gigabytes": of resident memory at most} as JSON.
"""
import json
import os
import resource
import sys
import tempfile
import time

os.environ.setdefault("OPENRETINA_CACHE_DIRECTORY", tempfile.gettempdir())
import hydra
import psutil
from openretina.data_io.cyclers import LongCycler

configs, name, *overrides = sys.argv[1:]
with hydra.initialize_config_dir(os.path.abspath(configs), version_base="1.3"):
    config = hydra.compose(name, overrides)
movies = hydra.utils.call(config.data_io.stimuli)
responses = hydra.utils.call(config.data_io.responses)
loaders = hydra.utils.instantiate(config.dataloader, neuron_data_dictionary=responses, movies_dictionary=movies)
session, batch = next(iter(LongCycler(loaders["train"], shuffle=True)))
assert batch.inputs.ndim == 5, session
print(json.dumps({"seconds": time.time() - psutil.Process().create_time(),
                  "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-9}))
