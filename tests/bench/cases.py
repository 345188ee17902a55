"""What the benches have in common: published configs, and how a program is timed that prints its result as JSON."""
import json
import os
import pathlib
import subprocess
import tempfile

# name: (config, C,H,W, batch, what of the config is about its own recording)
CASES = {
    "low_res": ("hoefling_2024_core_readout_low_res", "2,18,16", 128, "~data_io.data_info"),
    "high_res": ("hoefling_2024_core_readout_high_res", "2,72,64", 8),
    "hdf5": ("hdf5_core_readout", "1,48,40", 8),
    "maheswaranathan": ("maheswaranathan_2023_core_readout", "1,50,50", 4),
    "karamanlis": ("karamanlis_2024_core_readout", "1,60,80", 1),
}
TIMED = list(CASES)
# Whose losses are compared as well (`step.py --only`); of one window, since draws for a row depend on its place.
CASES |= {
    "goldin": ("goldin_2022_core_readout", "1,108,108", 1, "~data_io.stimuli", "~data_io.responses"),
    "lnp": ("maheswaranathan_2023_LNP", "1,50,50", 1),
    "sridhar_natural": ("vystrcilova_2024_nm_cnn", "1,48,48", 1, "~lr_scheduler"),  # which openretina_step.py does not follow
    "sridhar_noise": ("vystrcilova_2024_wn_cnn", "1,48,48", 1),
}
BINS, NEURONS = 50, 80
HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = {"OPENRETINA_CACHE_DIRECTORY": tempfile.gettempdir(), **os.environ}


def result(command, threads=1, limit=None):
    """What it prints; None: it did not end in `limit` seconds."""
    try:
        done = subprocess.run([str(word) for word in command], env={**ENVIRONMENT, "OMP_NUM_THREADS": str(threads)},
                              capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def of_config(case):
    """What of a config the stimulus and the window decide."""
    config, shape, _, *without = case
    return [config, f"++model.in_shape=[{shape.replace(',', f',{BINS},', 1)}]", *without]


def write_model(folder, build, case):
    """The `model` section of the config, resolved: a file for openretina."""
    file = pathlib.Path(folder, "model.yaml")
    file.write_text(subprocess.run([build / "bin/plexiform", "train", "--config-name", case[0], "--cfg", "job", "--resolve",
                                    "-p", "model"], capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout)
    return file


def openretina_command(python, words):
    """openretina's own command, of the environment of its Python (openretina_env.sh), with the configs of its source."""
    home = python.absolute().parent
    config_path = ["--config-path", home.parent / "source/configs"] if words[0] == "train" else []
    return [home / "openretina", *words[:1], *config_path, *words[1:]]


def add_arguments(parser):
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=HERE.parent.parent / "build")
    parser.add_argument("--openretina", type=pathlib.Path, help="the Python that has it")
    parser.add_argument("--alone", action="store_true", help="without openretina")


def openretina(arguments):
    """The Python to compare with; None: there is none, or it is not wanted."""
    made = arguments.build / "openretina"
    python = arguments.openretina or (made / "bin/python" if (made / "complete").exists() else None)
    return None if arguments.alone else python
