#!/usr/bin/env bash
# How long `plexiform plugins list` takes over 200 plugin files: when all are new, and from the cache. Not a test: it depends
# on the machine. The aim is less than 100 ms from the cache.
#   tests/bench/plugins_list.sh [BUILD_DIR]
set -euo pipefail
build=$(realpath "${1:-build}")
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
export XDG_CACHE_HOME=$folder/cache XDG_DATA_HOME=$folder/data
unset PLEXIFORM_PLUGIN_PATH

mkdir "$folder/plugins"
python3 - "$build/tests/fixtures/plugins/fixture_plain.plexiform.so" "$folder/plugins" <<'PYTHON'
import sys
plugin = open(sys.argv[1], "rb").read()
for i in range(200):  # 200 contents, each of its own plugin id
    copy = plugin.replace(b"fixture_plain", b"plugin_%03d___" % i)
    open(f"{sys.argv[2]}/{i}.plexiform.so", "wb").write(copy)
PYTHON

milliseconds() {
  local start=$(date +%s%N)
  "$build/bin/plexiform" plugins list --plugin-path "$folder/plugins" "$@" > "$folder/output"
  echo $((($(date +%s%N) - start) / 1000000))
}
echo "new, read from their notes:    $(milliseconds) ms"
echo "new, opened in a child first:  $(milliseconds --probe) ms"
best=1000000
for _ in $(seq 10); do
  now=$(milliseconds)
  if [ "$now" -lt "$best" ]; then best=$now; fi
done
echo "from the cache, best of 10:    $best ms ($(grep -c ' ok ' "$folder/output") files are ok)"
