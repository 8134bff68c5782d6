#!/bin/sh
# The environment of the rivals, apart from caviar's own:  sh benchmarks/rivals.sh [FOLDER]
# FOLDER is build/rivals if not given; tell the benchmark of another by CAVIAR_RIVALS=FOLDER. About 1.5 GB and 3 minutes.
# TORCH=/path/to/site-packages takes PyTorch from an environment that has it already.
set -eu
folder=${1:-build/rivals}
${PYTHON:-python3} -m venv "$folder"
pip="$folder/bin/python -m pip install --quiet"
if [ -n "${TORCH:-}" ]; then
    echo "$TORCH" >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
else
    $pip torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
fi
$pip optuna==5.0.0 scikit-learn==1.9.1 'ray[tune]==2.60.0' keras==3.15.1 keras-tuner==1.4.8 six==1.17.0  # Keras Tuner needs six and does not say so
"$folder/bin/python" -c 'import keras_tuner, optuna, ray, sklearn, torch' 2>/dev/null || {
    echo "a rival cannot be imported: $folder/bin/python -c 'import keras_tuner, optuna, ray, sklearn, torch'" >&2
    exit 1
}
