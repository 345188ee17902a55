#!/bin/sh
# What a stranger does with the installed package alone: the prefix is moved, nothing of the build is left in it, its tools
# write a core, a readout and a loss, which build, keep their contracts and train, and a program embeds the host.
# usage: install_test.sh BUILD SOURCE TORCH CMAKE [CCACHE]
set -eu
build=$1 source=$2 torch=$3 cmake=$4 ccache=${5:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage='starting'
fail() { echo "FAILED while $stage: $*" >&2; exit 1; }
begin() { stage=$1; echo "== $stage"; }

# Runs a command as in a fresh login: only PATH and a home of its own. Its output is shown when it fails.
clean() {
  code=0
  env -i PATH="$PATH" HOME="$work/home" OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive "$@" >"$work/output" 2>&1 || code=$?
  [ $code = 0 ] || { cat "$work/output" >&2; fail "exit code $code of: $*"; }
}
# Runs a command that has to fail with a sentence.
refused() {
  sentence=$1; shift
  if env -i PATH="$PATH" HOME="$work/home" "$@" >"$work/output" 2>&1; then fail "this was accepted: $*"; fi
  tr -s ' \n' '  ' <"$work/output" | grep -qF "$sentence" || { cat "$work/output" >&2; fail "no sentence '$sentence' from: $*"; }
}
configure() {
  set -- "$cmake" -S "$work/$1" -B "$work/$1/build" -DCMAKE_PREFIX_PATH="$work/moved"
  if [ -n "$ccache" ]; then  # runs share what they compiled, although each has its own folder
    set -- "$@" "-DCMAKE_CXX_COMPILER_LAUNCHER=$cmake;-E;env;CCACHE_DIR=$("$ccache" -k cache_dir);CCACHE_BASEDIR=$work;\
CCACHE_NOHASHDIR=1;$ccache"
  fi
  clean "$@"
}

begin 'installing to one place and moving to another'
mkdir "$work/home"
"$cmake" --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
plexiform=$work/moved/bin/plexiform
for file in lib/libplexiform.so lib/libplexiform_sdk.a lib/cmake/plexiform/plexiform-config.cmake include/plexiform/core.h \
  share/plexiform/configs/quickstart.yaml share/plexiform/template/core; do
  [ -e "$work/moved/$file" ] || fail "$file is not installed"
done
du -sk "$work/moved" | awk '{ print $1 " KB installed" }'

begin 'looking for paths of the build and source folders in what is installed'
# LibTorch may lie in the build folder; its path is known to the host.
if grep -raoE "($build|$source)[[:graph:]]*" "$work/moved" | grep -vF "$torch" | grep .; then
  fail 'these files name the build or source folder'
fi

begin 'refusing another LibTorch and another C++ ABI'
clean "$plexiform" plugins new loss my_loss --dir "$work"
mkdir -p "$work/other/include/torch/headeronly" "$work/other/lib"
sed 's/define TORCH_VERSION_MINOR .*/define TORCH_VERSION_MINOR 99/' "$torch/include/torch/headeronly/version.h" \
  >"$work/other/include/torch/headeronly/version.h"
touch "$work/other/lib/libtorch_cpu.so"
refused 'which this Plexiform was built with' "$cmake" -S "$work/my_loss" -B "$work/refused" \
  -DCMAKE_PREFIX_PATH="$work/moved" -DPLEXIFORM_TORCH_ROOT="$work/other"
refused 'this Plexiform is' "$cmake" -S "$work/my_loss" -B "$work/refused2" \
  -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_CXX_FLAGS=-D_GLIBCXX_USE_CXX11_ABI=0
refused 'is not there; Plexiform was built with LibTorch' env PLEXIFORM_TORCH_ROOT="$work/nowhere" "$plexiform" create-data "$work/data"

begin 'running the moved host'
clean "$plexiform" create-data "$work/data" --sessions 1 --neurons 4 --frames 1500 --test-frames 150 --repeats 4
clean "$plexiform" plugins list --probe
for plugin in linear simple gaussian_mask poisson correlation; do
  [ -e "$build/lib/plexiform/plugins-abi1/$plugin.plexiform.so" ] || {
    echo "skipped from here: the templates' configs need the plugin '$plugin', which was removed from this tree"; exit 77; }
  grep -q "$work/moved/lib/plexiform/plugins-abi1/$plugin.plexiform.so" "$work/output" || fail "$plugin is not found"
done

begin 'writing a core and a readout beside the loss'
clean "$plexiform" plugins new core my_core --dir "$work"
clean "$plexiform" plugins new readout my_readout --dir "$work"
refused 'is there already' "$plexiform" plugins new core my_core --dir "$work"

begin "writing the guide's loss with parameters"
clean "$plexiform" plugins new loss gaussian --dir "$work"
block() { awk -v n="$1" '/^```cpp/ { on = ++k == n; next } /^```/ { on = 0 } on' "$work/moved/share/plexiform/README.md"; }
block 1 >"$work/gaussian/gaussian.cpp"
sed '/^TEST_CASE("a rate of/,$d' "$work/gaussian/gaussian_test.cpp" >"$work/kept"
{ cat "$work/kept" && block 2; } >"$work/gaussian/gaussian_test.cpp"

begin 'building the four outside of the tree'
cp -r "$work/moved/share/plexiform/template/host" "$work/program"
for project in my_core my_readout my_loss gaussian program; do configure "$project"; done
for project in my_core my_readout my_loss gaussian program; do clean "$cmake" --build "$work/$project/build" --parallel 2; done
for project in my_core my_readout my_loss gaussian; do
  begin "testing $project"
  clean "$cmake" -E chdir "$work/$project/build" ctest --output-on-failure --no-tests=error
  begin "training with $project"
  clean "$plexiform" train "$work/$project/$project.yaml" --plugin "$work/$project/build/$project.plexiform.so" \
    "paths.data_dir=$work/data" "hydra.run.dir=$work/run_$project" trainer.max_epochs=1 +trainer.limit_train_batches=2
  grep -q 'train_loss' "$work/output" || fail "$project was not trained"
  grep -q "plugin $project" "$work/output" || fail "the run did not use $project"
done

begin 'installing the core for its user, where a run finds it by itself'
clean "$cmake" --install "$work/my_core/build"
clean "$plexiform" train "$work/my_core/my_core.yaml" "paths.data_dir=$work/data" --dry-run

begin 'running the program that embeds the host'
clean "$work/program/build/experiment" "$work/data" "$work/from_code"
clean "$work/program/build/experiment" "$work/data" "$work/from_name" quickstart
grep -q 'spikes per bin' "$work/output" || fail 'it predicted nothing'
refused 'is there already' "$work/program/build/experiment" "$work/data" "$work/from_name" quickstart
printf 'defaults: [quickstart, _self_]\ntrainer: {max_epoch: 3}\n' >"$work/broken.yaml"
refused "trainer.max_epoch: no such parameter fix: did you mean 'max_epochs'?" "$work/program/build/experiment" "$work/data" "$work/broken" "$work/broken.yaml"
