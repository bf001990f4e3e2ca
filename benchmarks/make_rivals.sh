#!/usr/bin/env bash
# Environments of the systems to compare with, one each because their pins contradict ours and each other.
# Usage: benchmarks/make_rivals.sh [FOLDER]   (default .benchmarks/rivals, where tabular.py looks)
set -euo pipefail
folder=${1:-"$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.benchmarks/rivals"}
python=${PYTHON:-python3.11}

make_env() { # NAME TEST-IMPORT REQUIREMENT...
  local name=$1 import=$2 env="$folder/$1"
  shift 2
  if [ -x "$env/bin/python" ] && "$env/bin/python" -c "$import" 2>/dev/null; then
    echo "$name: there already"
    return
  fi
  "$python" -m venv --clear "$env"
  "$env/bin/python" -m pip install --quiet "$@"
  "$env/bin/python" -c "$import"
  echo "$name: $(du -sh "$env" | cut -f1)"
}

mkdir -p "$folder"
# torch by the version of constraints.txt, so that a CPU build is taken where there is one.
make_env autogluon 'import autogluon.tabular' \
  torch==2.13.0 'autogluon.tabular[catboost,fastai,lightgbm,ray,xgboost]==1.6.3'
# Without its optional CatBoost, whose fits FLAML 2.7 does not stop: 15 s on 61 rows in 7 classes became 105 s.
make_env flaml 'from flaml import AutoML' 'flaml[automl]==2.7.0'
make_env mljar 'from supervised.automl import AutoML' mljar-supervised==1.3.2
