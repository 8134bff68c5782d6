#!/bin/sh
# The environment of the rivals, apart from caviar's own:  sh benchmarks/rivals.sh [FOLDER]
# FOLDER is build/rivals if not given; tell the benchmark of another by CAVIAR_RIVALS=FOLDER. About 1.5 GB and 3 minutes.
# TORCH=/path/to/site-packages takes PyTorch from an environment that has it already.
# TABLES_ONLY=1 leaves out Ray and Keras, which benchmarks/tables.py does not need.
set -eu
folder=${1:-build/rivals}
${PYTHON:-python3} -m venv "$folder"
pip="$folder/bin/python -m pip install --quiet"
if [ -n "${TORCH:-}" ]; then
    echo "$TORCH" >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
else
    # a wheel for the processor that pip finds by itself (PIP_FIND_LINKS) is taken before PyTorch's own index is asked
    $pip --no-index torch==2.13.0 --no-deps 2>/dev/null || $pip torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
fi
# torch is named again where a package needs it, so that pip keeps this one
if [ -n "${TORCH:-}" ]; then torch=; else torch=torch==2.13.0; fi
# shellcheck disable=SC2086  # $torch is no word or one
$pip $torch optuna==5.0.0 scikit-learn==1.9.1 pandas==3.1.1 lightgbm==4.7.0 catboost==1.2.10 pytabkit==1.7.3 tabm==0.0.3
$pip flaml==2.7.0 xgboost-cpu==3.2.0  # FLAML imports XGBoost for LightGBM, too; this one brings no GPU's libraries
modules='catboost, flaml.automl.automl, lightgbm, optuna, pytabkit, sklearn, tabm, torch'
if [ -z "${TABLES_ONLY:-}" ]; then
    $pip 'ray[tune]==2.60.0' keras==3.15.1 keras-tuner==1.4.8 six==1.17.0  # Keras Tuner needs six and does not say so
    modules="$modules, keras_tuner, ray"
fi
"$folder/bin/python" -c "import $modules" 2>/dev/null || {
    echo "a rival cannot be imported: $folder/bin/python -c 'import $modules'" >&2
    exit 1
}
