"""Writes two ensembles as openretina's were published in 2024 (legacy/, legacy_first_layer/), and what they predict.

Each member is a config, a pickle of what the data say and a state dict. legacy_*.safetensors has a clip ("clip",
(B, C, T, H, W)) and, by openretina's own loader, each session's prediction of the ensemble ("prediction.<session>") and of
its members ("member.<index>.<session>"). Needs openretina 1.1.1:
    python make_legacy.py
"""

import contextlib
import io
import pathlib
import pickle
import shutil
import warnings

import numpy as np
import torch
import yaml
from make_checkpoints import stir
from openretina.legacy.models import SFB3d_core_SxF3d_readout
from openretina.utils.nnfabrik_model_loading import load_ensemble_retina_model_from_directory
from safetensors.torch import save_file

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).resolve().parent
neurons = {"2_ventral1": 2, "1_dorsal": 3}  # in an order that is not the alphabet's
data_info = {
    session: {"input_dimensions": torch.Size([16, 2, 14, 9, 8]), "input_channels": 2, "output_dimension": count,
              "img_h": 9, "img_w": 8, "mean_response": np.linspace(0.2, 0.9, count).astype(np.float32),
              "roi_coords": np.zeros((count, 2), dtype=np.float32)}
    for session, count in neurons.items()}
published = dict(
    hidden_channels=(3, 2), temporal_kernel_size=(5, 3), spatial_kernel_size=(5, 3), layers=2, gamma_hidden=0.1,
    gamma_input=0.3, gamma_temporal=40.0, gamma_in_sparse=1.0, core_bias=False, batch_norm_scale=False,
    readout_scale=True, readout_bias=True, gaussian_masks=True, gamma_readout=0.4, gaussian_mean_scale=6.0,
    gaussian_var_scale=4.0, readout_positive=True, stack=-1)
ensembles = {
    "legacy": (dict(published), torch.save),
    # The maps of layer 0, gains and offsets, no scale, weights of any sign; files as PyTorch wrote them before 1.6.
    "legacy_first_layer": (
        dict(published, stack=0, core_bias=True, batch_norm_scale=True, input_padding=True, readout_scale=False,
             readout_positive=False, laplace_padding=0),
        lambda state, file: torch.save(state, file, _use_new_zipfile_serialization=False)),
}

if __name__ == "__main__":
    for name, (arguments, save) in ensembles.items():
        folder = here / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with contextlib.redirect_stdout(io.StringIO()):
            for index, seed in enumerate((0, 1000)):
                model = SFB3d_core_SxF3d_readout(None, seed=seed, data_info=data_info, **arguments)
                grids = {key: tensor.clone() for key, tensor in model.state_dict().items() if key.endswith(".grid")}
                stir(model, seed + 1).load_state_dict(grids, strict=False)  # parameters there, though they never change
                with torch.no_grad():
                    for key, parameter in model.core.named_parameters():
                        if "log_speed" in key:
                            parameter.fill_(0.2 if key.endswith("1_dorsal") else -0.1)
                save(model.state_dict(), folder / f"state_dict_{seed:05d}.pth.tar")
                (folder / f"data_info_{seed:05d}.pkl").write_bytes(pickle.dumps(data_info, protocol=3 + index))
                (folder / f"config_{seed:05d}.yaml").write_text(yaml.dump({
                    "model_fn": "nnfabrik_euler.models.models.SFB3d_core_SxF3d_readout", "model_config": arguments,
                    "seed": seed}))
            _, ensemble = load_ensemble_retina_model_from_directory(str(folder), "cpu")
        clip = torch.randn((2, 2, 13, 9, 8), generator=torch.Generator().manual_seed(7))
        out = {"clip": clip}
        with torch.no_grad():
            for session in neurons:
                out[f"prediction.{session}"] = ensemble(clip, session).contiguous()
                for index, member in enumerate(ensemble.members):
                    out[f"member.{index}.{session}"] = member(clip, session).contiguous()
                    for key, tensor in member.state_dict().items():
                        out[f"state.{index}.{key}"] = tensor.contiguous().clone()
        save_file(out, here / f"{name}.safetensors")
        print(name, {key: tuple(tensor.shape) for key, tensor in out.items() if not key.startswith("state")},
              sum(file.stat().st_size for file in folder.iterdir()))
