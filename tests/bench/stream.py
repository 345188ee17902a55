#!/usr/bin/env python3
"""Times a trained model for one new frame of a movie, on one thread: ours step by step, and openretina's, which computes the
window that ends with the frame. Not a test.

  ninja -C build runnable stream_bench
  tests/bench/stream.py [--build build] [--openretina PYTHON | --alone] [--frames 10000] [--only low_res high_res]
The best of three runs. `apart`: of our frame by frame from our clip as a whole, relative to the largest rate.
"""
import argparse
import sys
import tempfile

import cases


def text(row):
    return f"median {1e6 * row['median']:9.1f} us  p99 {1e6 * row['p99']:9.1f}  max {1e6 * row['max']:9.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases.add_arguments(parser)
    parser.add_argument("--frames", type=int, default=10000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=cases.CASES, default=["low_res", "high_res"])
    arguments = parser.parse_args()
    python = cases.openretina(arguments)
    apart = 0
    for name in arguments.only:
        case = cases.CASES[name]
        rows = []
        for _ in range(arguments.runs):
            with tempfile.TemporaryDirectory() as root:
                config, *overrides = cases.of_config(case)
                rows.append(cases.result([arguments.build / "bin/stream_bench", root + "/bench", case[1], cases.NEURONS,
                                          arguments.frames, config, "++compat=openretina", *overrides]))
        best = min(rows, key=lambda row: row["median"])
        apart = max(apart, *(row["apart"] for row in rows))
        print(f"{name:<16} ours       {text(best)}  apart {best['apart']:.1e}", flush=True)
        if python:
            with tempfile.TemporaryDirectory() as root:
                model = cases.write_model(root, arguments.build, case)
                theirs = cases.result([python, cases.HERE / "openretina_window.py", model, case[1], cases.NEURONS])
            print(f"{name:<16} openretina {text(theirs)}  ratio {theirs['median'] / best['median']:.0f}", flush=True)
    return 0 if apart < 1e-5 else "frame by frame is more than 1e-5 apart from the clip"


if __name__ == "__main__":
    sys.exit(main())
