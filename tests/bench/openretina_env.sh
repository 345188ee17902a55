#!/usr/bin/env bash
# Makes the environment that the benches compare with: openretina 1.1.1 with the versions that it was measured with, and the
# folder configs/ of its source distribution, which the wheel lacks. CPU, Python 3.11 to 3.13. With nothing to do it is quick.
#   tests/bench/openretina_env.sh [FOLDER]      FOLDER: build/openretina; its Python is then FOLDER/bin/python
# Packages come from where pip is configured to look; PIP_INDEX_URL=... names another index.
set -euo pipefail
folder=${1:-$(dirname "$0")/../../build/openretina}
[ ! -f "$folder/complete" ] || exit 0
rm -rf "$folder"
python3 -m venv "$folder"
pip=("$folder/bin/python" -I -m pip --quiet --disable-pip-version-check)
"${pip[@]}" install torch==2.13.0
"${pip[@]}" install lightning==2.6.5 pytorch-lightning==2.6.5 torchmetrics==1.9.0 hydra-core==1.3.5 omegaconf==2.3.1 \
  numpy==2.4.6 scipy==1.17.1 h5py==3.16.0 einops==0.8.2 jaxtyping==0.3.11 matplotlib==3.11.1 pandas==2.3.3 \
  opencv-python-headless==5.0.0.93 moviepy==2.2.1 mlflow==3.15.1 wandb==0.28.2 \
  IPython seaborn imageio tensorboard tenacity psutil scikit-learn huggingface_hub safetensors standard-imghdr
# Its own pins would bring other versions, and torchvision, which has no part in what is timed.
"${pip[@]}" install --no-deps openretina==1.1.1
"${pip[@]}" download --no-deps --no-binary :all: --dest "$folder/source" openretina==1.1.1
tar -xzf "$folder"/source/openretina-*.tar.gz -C "$folder/source" --strip-components 1
"$folder/bin/python" -c 'import openretina.models.core_readout'
touch "$folder/complete"
