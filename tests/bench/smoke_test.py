"""The benches still run: each on something small, without openretina. What they time means nothing here.

  smoke_test.py BUILD
"""
import subprocess
import sys

import cases

small = ["--build", sys.argv[1], "--alone", "--only", "low_res"]
for bench in (["step.py", "--batch", "2", "--steps", "2", "--threads", "1"], ["stream.py", "--frames", "30", "--runs", "1"]):
    subprocess.run([sys.executable, cases.HERE / bench[0], *small, *bench[1:]], check=True)
subprocess.run([sys.executable, cases.HERE / "start.py", "--build", sys.argv[1], "--alone", "--runs", "1"], check=True)
