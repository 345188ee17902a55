#!/usr/bin/env python3
"""Times a training step of published configs, ours and openretina's in turn, and prints the ratios. Not a test.

  ninja -C build runnable step_bench
  tests/bench/openretina_env.sh            # once: the environment with openretina
  tests/bench/step.py [--build build] [--openretina PYTHON | --alone] [--threads 2 1] [--steps 9] [--only low_res ...]
      [--dense low_res ...] [--limit SECONDS]
Both take the same batch from the same weights, so that their losses can be compared as well. PYTHON is BUILD/openretina/bin/
python, if it is there; without it our own step alone is timed. Of --dense the step with kernels that are no factors is timed,
too (convolution_type: full), as LibTorch convolves them, in channels-last layout where that helps. Medians; in brackets the
fastest and the slowest step. The whole takes a quarter of an hour on two cores, nearly all of it openretina's, and SECONDS (900)
for each case that it does not end by then, as one with one thread was seen not to. Let nothing else run beside it.
"""
import argparse
import statistics
import sys
import tempfile

import cases


def text(seconds):
    return f"{statistics.median(seconds):9.3f} s [{min(seconds):.3f} {max(seconds):.3f}]"


def steps(arguments, threads, case, folder, *changes):
    config, *overrides = cases.of_config(case)
    return cases.result([arguments.build / "bin/step_bench", folder, case[1], cases.NEURONS, arguments.batch or case[2],
                         cases.BINS, arguments.steps, threads, config, "++compat=openretina", *overrides, *changes], threads)


def ratios(ours, theirs):
    low = min(theirs["seconds"]) / max(ours["seconds"])
    high = max(theirs["seconds"]) / min(ours["seconds"])
    return f"ratio {statistics.median(theirs['seconds']) / statistics.median(ours['seconds']):.1f} [{low:.1f} {high:.1f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases.add_arguments(parser)
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--only", nargs="+", choices=cases.CASES, default=cases.TIMED)
    parser.add_argument("--dense", nargs="+", choices=cases.CASES, default=[])
    parser.add_argument("--limit", type=float, default=900, help="seconds that openretina gets for a case")
    parser.add_argument("--batch", type=int, help="windows of a batch, instead of each case's own")
    arguments = parser.parse_args()
    python = cases.openretina(arguments)
    agree, compared = True, 0
    for threads in arguments.threads:
        for name in arguments.only:
            case = cases.CASES[name]
            with tempfile.TemporaryDirectory() as root:
                folder = root + "/bench"
                ours = steps(arguments, threads, case, folder)
                line = f"{name:<16} B={arguments.batch or case[2]:<4} {threads} threads  ours {text(ours['seconds'])}"
                if name in arguments.dense:
                    dense = steps(arguments, threads, case, root + "/dense", "++model.core.convolution_type=full")
                    line += f"  dense {text(dense['seconds'])}  {ratios(ours, dense)}"
                if python:
                    model = cases.write_model(folder, arguments.build, case)
                    theirs = cases.result([python, cases.HERE / "openretina_step.py", model, folder, arguments.steps,
                                           threads], threads, arguments.limit)
                    if not theirs:
                        line += f"  openretina: {arguments.steps + 1} steps did not end in {arguments.limit:.0f} s"
                        print(line, flush=True)
                        continue
                    apart = max(abs(a - b) / abs(b) for a, b in zip(ours["losses"], theirs["losses"]))
                    agree, compared = agree and apart < 1e-4, compared + 1
                    line += f"  openretina {text(theirs['seconds'])}  {ratios(ours, theirs)}"
                    line += f"  losses of {len(ours['losses'])} steps apart {apart:.1e}"
            print(line, flush=True)
    if python and compared == 0:
        return "openretina ended no case: nothing was compared"
    return 0 if agree else "losses are more than 1e-4 apart"


if __name__ == "__main__":
    sys.exit(main())
