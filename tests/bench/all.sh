#!/usr/bin/env bash
# Everything that is said of Plexiform's speed and memory, in one run, beside openretina: an hour, on a machine that does nothing else.
#   tests/bench/all.sh [BUILD [RECORDING [OVERRIDE ...]]] 2>&1 | tee bench.txt
# BUILD: build, as ./bootstrap makes it. RECORDING: a folder in the generic layout, for time_to_score.py, with what of the config
# it needs changed; without one that is left out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd)
cmake --build "$build" --target runnable step_bench stream_bench convolution_bench
bash "$here/openretina_env.sh" "$build/openretina"
bench() {
  echo "== $*"
  "$build/openretina/bin/python" "$here/$1" --build "$build" "${@:2}"
}
uname -srm && grep -m 1 'model name' /proc/cpuinfo || true
echo "== convolution_bench"
"$build/bin/convolution_bench"
bench start.py
bench step.py --threads 2 1 --steps 5 --limit 300 --dense low_res
bench stream.py
bench refit.py
bench shared.py
bench ranks.py
bench first_batch.py
bench memory.py --only low_res high_res mapped
if [ $# -gt 1 ]; then bench time_to_score.py --data "${@:2}"; fi
