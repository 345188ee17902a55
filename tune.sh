name=$1; shift
flock /tmp/heavy.lock /usr/bin/time -f "wall %e s user %U s" /work/h-simulation/build/bin/plexiform train --config-name quickstart paths.data_dir=/tmp/sim/retina hydra.run.dir=/tmp/sim/runs/$name "$@" > $name.log 2>&1
echo "== $name $@"; grep -E "^epoch" runs/$name/train.log | tail -1; grep epoch runs/$name/train.log | awk '{print $8}' | tr '\n' ' '; tail -14 $name.log
