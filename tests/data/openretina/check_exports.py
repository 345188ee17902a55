"""Loads exported state dicts into openretina's models, strictly, and compares what they predict.

    PLEXIFORM_KEEP_EXPORTS=DIR host_test "an exported model has*"
    python check_exports.py DIR
DIR/NAME.pt belongs to this folder's NAME.ckpt and NAME.safetensors, whose model make_checkpoints.py builds anew, or to the
first member of legacy/; all its tensors are NaN before the file is loaded. Needs openretina 1.1.1.
"""

import contextlib
import copy
import io
import pathlib
import sys
import warnings

import torch
from make_checkpoints import here, models
from make_legacy import data_info, published
from openretina.legacy.models import SFB3d_core_SxF3d_readout
from safetensors.torch import load_file

warnings.simplefilter("ignore")
# A receptive field that was cut out of the frame comes back in a whole frame.
WHOLE = {"single_contrast_cropped": "single_contrast"}


def check(name, model, clip, expected):
    """expected: the checkpoint's prediction of each session."""
    file = exports / f"{name}.pt"
    if not file.exists():
        print(f"{name:24} is not there")
        return
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.fill_(float("nan"))
        model.load_state_dict(torch.load(file, weights_only=True), strict=True)
        model.eval()
        worst = 0.0
        for session, prediction in expected.items():
            there = model(clip[..., 0, 0].mT) if session == "population" else model(clip, session)
            worst = max(worst, ((there - prediction).abs().max() / prediction.abs().max()).item())
    print(f"{name:24} strict, predictions differ by {worst:.1e}")


def below(tensors, prefix):
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}


exports = pathlib.Path(sys.argv[1]).resolve()  # models() leaves the folder
built = {}
for name, model, _ in models():
    built[name] = model
    model = copy.deepcopy(built[WHOLE.get(name, name)])
    reference = load_file(here / f"{name}.safetensors")
    crop = getattr(model, "crop", False)  # outside of its steps a model that has it leaves that to the caller
    clip = model.crop_input(reference["clip"]) if crop else reference["clip"]
    check(name, model, clip, below(reference, "prediction."))
reference = load_file(here / "legacy.safetensors")
with contextlib.redirect_stdout(io.StringIO()):
    model = SFB3d_core_SxF3d_readout(None, seed=0, data_info=data_info, **published)
check("legacy", model, reference["clip"], below(reference, "member.0."))
