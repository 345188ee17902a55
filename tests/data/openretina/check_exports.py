"""Loads exported state dicts into openretina's models, strictly, and compares what they predict.

    PLEXIFORM_KEEP_EXPORTS=DIR host_test "an exported model has openretina's keys, shapes and values"
    python check_exports.py DIR
DIR/NAME.pt belongs to this folder's NAME.ckpt and NAME.safetensors. Needs openretina 1.1.1.
"""

import pathlib
import sys
import warnings

import torch
from openretina.models.core_readout import ExampleCoreReadout, UnifiedCoreReadout
from openretina.models.linear_nonlinear import SingleCellSeparatedLNP
from safetensors.torch import load_file

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.pt")):
    reference = load_file(here / f"{file.stem}.safetensors")
    state = torch.load(file, weights_only=True)
    arguments = torch.load(here / f"{file.stem}.ckpt", weights_only=False).get("hyper_parameters", {})
    if file.stem == "separated_lnp":
        model = SingleCellSeparatedLNP(
            in_shape=(2, 5, 8, 6), spat_kernel_size=(5, 4), rf_location=(4, 3), rank=2,
            nonlinearity="parametrized_softplus", smooth_regularizer_temp="TimeLaplaceL23dnorm")
    elif file.stem == "separated_lnp_plain":
        model = SingleCellSeparatedLNP(
            in_shape=(1, 5, 8, 6), spat_kernel_size=(8, 6), nonlinearity="softplus", normalize_weights=False,
            smooth_regularizer_temp="TimeLaplaceL23dnorm")
    elif "sta_dir" in arguments or file.stem == "base":  # they cannot be built again without what they were built from
        keys = {key.removeprefix("state.") for key in reference if key.startswith("state.")}
        print(f"{file.stem:24} keys {'equal' if keys == set(state) else 'DIFFER'}")
        continue
    else:
        kind = ExampleCoreReadout if file.stem == "example" else UnifiedCoreReadout
        model = kind.load_from_checkpoint(here / f"{file.stem}.ckpt", weights_only=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
        model.load_state_dict(state, strict=True)
        model.eval()
        worst = 0.0
        for key, expected in reference.items():
            if key.startswith("prediction."):
                clip = reference["clip"]
                clip = model.crop_input(clip) if getattr(model, "crop", False) else clip
                predicted = model(clip, key.removeprefix("prediction."))
                worst = max(worst, ((predicted - expected).abs().max() / expected.abs().max()).item())
    print(f"{file.stem:24} strict, predictions differ by {worst:.1e}")
