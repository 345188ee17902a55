#!/usr/bin/env python3
"""Runs that are killed, run out of disk, or lose what they need; prints what became of them. By hand:

    python3 tests/attack/interrupted.py build [--kills 50] [--disks 10] [--seed 1]

killed      kill -9 at a random moment, or the next time a file is being written; resumed, and perhaps killed again.
            The model, the metrics and the last checkpoint have to be those of a run that was left alone, bit for bit.
full disk   the run folder is on a small tmpfs that is full after some kilobytes (root; otherwise a limit on the size of
            files). Exit code 1 and a sentence with a remedy; the checkpoint that was there is whole, and with room again
            the run ends with the same bits.
read-only   the run folder may not be written to, before and in the middle of a run.
no data     the recordings vanish before a run, in the middle of one, and before it is resumed.
"""
import argparse
import ctypes
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PARTIAL = ".plexiform-partial"  # files/atomic_file.cpp
RESULTS = ("model/model.safetensors", "metrics.csv", "checkpoints/last.safetensors", "scores.csv")


def partial_files(run):
    return [f for room in ("checkpoints", "model", ".hydra", ".") if (run / room).is_dir()
            for f in os.listdir(run / room) if f.endswith(PARTIAL)]


def without_override():
    """Root too is refused what permissions forbid."""
    for power in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, power, 0, 0, 0)  # PR_CAPBSET_DROP


class Attack:
    def __init__(self, build, folder):
        self.command = str(build / "bin/plexiform")
        self.plugin = str(build / "tests/fixtures/plugins/fixture_components.plexiform.so")
        self.folder = folder
        self.data = folder / "data"
        self.tally = {}
        self.wrong = []
        self.environment = dict(os.environ, OMP_NUM_THREADS="1", XDG_CACHE_HOME=str(folder / "cache"))
        self.call("create-data", self.data, "--sessions=1", "--neurons=3", "--frames=2000", "--test-frames=200",
                  "--repeats=2")
        start = time.monotonic()
        self.call(*self.training(folder / "whole"))
        self.seconds = time.monotonic() - start
        self.expected = self.results(folder / "whole")

    def training(self, run):
        return ["train", SOURCE / "tests/data/fixtures.yaml", "--plugin", self.plugin, f"paths.data_dir={self.data}",
                f"hydra.run.dir={run}", "trainer.max_epochs=6", "dataloader.batch_size=2",
                "trainer.limit_train_batches=10", "+training_callbacks.model_checkpoint.every_n_train_steps=1"]

    def start(self, words, log, **more):
        with open(log, "w") as file:
            return subprocess.Popen([self.command, *map(str, words)], stdout=file, stderr=file, env=self.environment,
                                    **more)

    def call(self, *words):
        done = subprocess.run([self.command, *map(str, words)], capture_output=True, text=True, env=self.environment)
        if done.returncode:
            sys.exit(f"plexiform {words[0]}: {done.stdout}{done.stderr}")

    def again(self, run):
        """The command that begins a run, or goes on with it."""
        if (run / ".hydra/config.yaml").exists():
            return ["train", "--resume", run, "--plugin", self.plugin]
        shutil.rmtree(run, ignore_errors=True)  # killed while it made the folder
        return self.training(run)

    @staticmethod
    def results(run):
        return {name: (run / name).read_bytes() if (run / name).exists() else None for name in RESULTS}

    def count(self, what):
        self.tally[what] = self.tally.get(what, 0) + 1

    def check(self, good, name, what):
        if not good:
            self.wrong.append(f"{name}: {what}")
        return good

    def finish(self, run, name):
        """Goes on to the end; whether it ends with the bits of the run that was left alone."""
        log = self.folder / "log"
        code = self.start(self.again(run), log).wait()
        if not self.check(code == 0, name, f"exit code {code}: {log.read_text()}"):
            return False
        got = self.results(run)
        return self.check(got == self.expected, name, "differs in " + ", ".join(
            n for n in RESULTS if got[n] != self.expected[n]))

    def refused(self, process, log, name):
        """Whether it ended with exit code 1 and a sentence."""
        code, text = process.wait(timeout=120), Path(log).read_text()
        return self.check(code == 1 and "fix: " in text and "Exception raised" not in text and "frame #" not in text,
                          name, f"exit code {code}: {text[-600:]}")

    def killed(self, number, chance):
        run, log, name = self.folder / f"killed{number}", self.folder / "log", f"killed {number}"
        for kill in range(chance.choice((1, 1, 2, 3))):
            process = self.start(self.again(run), log)
            end = time.monotonic() + chance.uniform(0, 0.9 * self.seconds)
            if chance.random() < 0.4:  # at a random moment
                try:
                    process.wait(max(0, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    pass
            else:  # the first time after it that a file is being written
                while process.poll() is None and (time.monotonic() < end or not partial_files(run)):
                    pass
            process.send_signal(signal.SIGKILL)
            if process.wait() == 0:
                self.count("  ended before the kill")
                break
            self.count("  kills")
            if partial_files(run):
                self.count("  of them while a file was being written")
            if not (run / ".hydra/config.yaml").exists():
                self.count("  of them before the run folder was whole")
        if self.finish(run, name):
            self.count("killed and resumed to the same bits")
            self.check(not partial_files(run), name, "left partial files behind")
        shutil.rmtree(run, ignore_errors=True)

    def full_disk(self, number, chance, mounted):
        name, log = f"full disk {number}", self.folder / "log"
        place = self.folder / "small"
        run = place / "run"
        kilobytes = chance.randint(4, 48)
        more = {}
        if mounted:
            ballast = place / "ballast"
            with open(ballast, "wb") as file:
                space = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
                file.write(b"\0" * max(0, space - kilobytes * 1024))
        else:
            place.mkdir(exist_ok=True)

            def limit():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 100, kilobytes * 100))
            more["preexec_fn"] = limit
        process = self.start(self.training(run), log, **more)
        if self.refused(process, log, name):
            self.count("full disk told, exit code 1")
        elif process.returncode == 0:
            self.wrong.pop()
            self.count("full disk: there was room enough")
        had = (run / "checkpoints/last.safetensors").exists()
        if mounted:
            ballast.unlink()
        if self.finish(run, name):
            self.count(f"  then, with room, to the same bits {'from its checkpoint' if had else 'from the beginning'}")
        shutil.rmtree(run, ignore_errors=True)

    def read_only(self):
        log, place = self.folder / "log", self.folder / "locked"
        place.mkdir()
        place.chmod(0o555)
        process = self.start(self.training(place / "run"), log, preexec_fn=without_override)
        if self.refused(process, log, "read-only from the start"):
            self.count("read-only folder told before the first step")
        place.chmod(0o755)
        run = place / "run"
        process = self.start(self.training(run), log, preexec_fn=without_override)
        while process.poll() is None and not (run / "checkpoints/last.safetensors").exists():
            pass
        (run / "checkpoints").chmod(0o555)
        if self.refused(process, log, "read-only in the middle"):
            self.count("read-only in the middle told, exit code 1")
        (run / "checkpoints").chmod(0o755)
        if self.finish(run, "read-only in the middle"):
            self.count("  then, writable again, to the same bits")

    def no_data(self):
        log, run, away = self.folder / "log", self.folder / "no_data", self.folder / "away"
        self.data.rename(away)
        if self.refused(self.start(self.training(run), log), log, "no data from the start"):
            self.count("missing data told before the first step")
        self.check(not run.exists(), "no data from the start", "made a run folder")
        away.rename(self.data)
        process = self.start(self.training(run), log)
        while process.poll() is None and not (run / "checkpoints/last.safetensors").exists():
            pass
        self.data.rename(away)
        code = process.wait()
        self.check(code in (0, 1) and (code == 0 or "fix: " in log.read_text()), "no data in the middle",
                   f"exit code {code}: {log.read_text()[-400:]}")
        self.count("data vanished in the middle: " + ("trained on from memory" if code == 0 else "told"))
        if code == 0:
            self.check(self.results(run) == self.expected, "no data in the middle", "other bits")
            shutil.rmtree(run)
            away.rename(self.data)
            process = self.start(self.training(run), log)
            while process.poll() is None and not (run / "checkpoints/last.safetensors").exists():
                pass
            process.kill()
            process.wait()
            self.data.rename(away)
        before = (run / "checkpoints/last.safetensors").read_bytes()
        if self.refused(self.start(self.again(run), log), log, "no data at resuming"):
            self.count("missing data told at resuming")
        self.check(before == (run / "checkpoints/last.safetensors").read_bytes(), "no data at resuming",
                   "touched the checkpoint")
        away.rename(self.data)
        if self.finish(run, "no data at resuming"):
            self.count("  then, with the data back, to the same bits")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--disks", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(options.build.resolve(), Path(folder))
        print(f"a run that is left alone takes {attack.seconds:.1f} s", flush=True)
        chance = random.Random(options.seed)
        for number in range(options.kills):
            attack.killed(number, chance)
        small = Path(folder) / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small],
                                 stderr=subprocess.DEVNULL).returncode == 0
        try:
            print("full disk: " + ("tmpfs of 1 MB" if mounted else "a limit on the size of files"), flush=True)
            for number in range(options.disks):
                attack.full_disk(number, chance, mounted)
        finally:
            if mounted:
                subprocess.run(["umount", small])
        attack.read_only()
        attack.no_data()
    for what, times in attack.tally.items():
        print(f"{times:4}  {what}")
    print("\n".join(["", "wrong:"] + attack.wrong) if attack.wrong else "nothing wrong")
    return 1 if attack.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
