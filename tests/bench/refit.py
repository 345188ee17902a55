#!/usr/bin/env python3
"""Times a step in which readouts alone are fitted to a core that is not trained: with its features computed once and kept
(trainer.keep_features), and anew in every step. Not a test.

  ninja -C build runnable step_bench
  tests/bench/refit.py [--build build] [--neurons 2000] [--threads 2] [--only low_res high_res]
Readouts: the config's own, and one that samples a point of the maps for each neuron. Medians; what is kept saves the core's
pass, and leaves the readout's.
"""
import argparse
import pathlib
import statistics
import tempfile

import cases

READOUTS = {"config's": [], "point": ["~model.readout", "+model.readout={_target_: plexiform.readouts.PointGaussian}"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=cases.HERE.parent.parent / "build")
    parser.add_argument("--neurons", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--only", nargs="+", choices=cases.CASES, default=["low_res", "high_res"])
    arguments = parser.parse_args()
    for name in arguments.only:
        case = cases.CASES[name]
        batch = arguments.batch or case[2]
        for readout, changes in READOUTS.items():
            seconds = {}
            for keep in ("no", "memory"):
                with tempfile.TemporaryDirectory() as root:
                    config, *overrides = cases.of_config(case)
                    times = cases.result([arguments.build / "bin/step_bench", root + "/bench", case[1], arguments.neurons,
                                          batch, cases.BINS, arguments.steps, arguments.threads, config, *overrides,
                                          *changes, "++only_train_readout=true", f"++trainer.keep_features={keep}"],
                                         arguments.threads)
                    seconds[keep] = statistics.median(times["seconds"])
            print(f"{name:<10} B={batch:<4} {arguments.neurons} neurons, {readout:<9} anew {1e3 * seconds['no']:8.1f} ms  "
                  f"kept {1e3 * seconds['memory']:8.1f} ms  ratio {seconds['no'] / seconds['memory']:.1f}", flush=True)


if __name__ == "__main__":
    main()
