#!/bin/sh
# Fit on TRAIN, judge on TEST, and put the new model into model/ only if the gate lets it through.
set -eu
train=$1 test=$2 target=$3

lean_automl fit "$train" --target "$target" --max-latency-ms 2 --max-size-kb 64 --out candidate --overwrite
set -- candidate/model.lam --data "$test" --target "$target" --max-size-kb 64 --markdown gate.md
if [ -f model/gate.json ]; then
  set -- "$@" --baseline model/gate.json --max-regression 10% --max-score-drop 0.005
fi
lean_automl gate "$@" --save candidate-gate.json # exit code 4 ends the script here: the old model stays

mkdir -p model
mv candidate/model.lam model/
# A run leaves the other file out where it would break a limit.
if [ -f candidate/model.onnx ]; then mv candidate/model.onnx model/; else rm -f model/model.onnx; fi
mv candidate-gate.json model/gate.json
mv candidate-gate.baseline.lam model/gate.baseline.lam
