"""Loads exported state dicts into openretina's models, strictly, and compares what they predict.

    PLEXIFORM_KEEP_EXPORTS=DIR host_test "an exported model has openretina's keys, shapes and values"
    python check_exports.py DIR
DIR/NAME.pt belongs to this folder's NAME.ckpt and NAME.safetensors, whose model make_checkpoints.py builds anew; all its
tensors are NaN before the file is loaded. Needs openretina 1.1.1.
"""

import copy
import pathlib
import sys
import warnings

import torch
from make_checkpoints import here, models
from safetensors.torch import load_file

warnings.simplefilter("ignore")
# A receptive field that was cut out of the frame comes back in a whole frame.
WHOLE = {"single_contrast_cropped": "single_contrast"}


def difference(model, reference):
    """Of predictions from those of the checkpoint, relative to the largest."""
    worst = 0.0
    for key, expected in reference.items():
        if key.startswith("prediction."):
            predicted = model(reference["clip"], key.removeprefix("prediction."))
            worst = max(worst, ((predicted - expected).abs().max() / expected.abs().max()).item())
    return worst


exports = pathlib.Path(sys.argv[1]).resolve()  # models() leaves the folder
built = {}
for name, model, _ in models():
    built[name] = model
    model = copy.deepcopy(built[WHOLE.get(name, name)])
    file = exports / f"{name}.pt"
    if not file.exists():
        print(f"{name:24} is not there")
        continue
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.fill_(float("nan"))
        model.load_state_dict(torch.load(file, weights_only=True), strict=True)
        crop = getattr(model, "crop", False)  # outside of its steps a model that has it leaves that to the caller
        reference = load_file(here / f"{name}.safetensors")
        if crop:
            reference["clip"] = model.crop_input(reference["clip"])
        print(f"{name:24} strict, predictions differ by {difference(model.eval(), reference):.1e}")
