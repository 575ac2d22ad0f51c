#!/bin/sh
# Run one experiment, or go on with it: train_or_resume.sh STORMCELL EXPERIMENT.toml
set -eu
run="runs/$(sed -n 's/^name = "\(.*\)"/\1/p' "$2" | head -n 1)"
[ -f "$run/last.ckpt" ] && resume=--resume || resume=
OMP_NUM_THREADS=1 exec "$1" train "$2" -o "$run" $resume
