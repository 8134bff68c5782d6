TRIED = "--metric auc, AUROC, f1-score, logloss, mse, R2: is ours named, also from Python?"
QUICK = True
from kit import *

base().to_csv("table.csv", index=False)
import caviar as package

named = {"auc": "roc_auc", "AUROC": "roc_auc", "f1-score": "f1_macro", "logloss": "log_loss", "mse": "rmse", "R2": "r2"}
for theirs, ours in named.items():
    try:
        package.tune("table.csv", "y", metric=theirs, trials=1, store=None)
        verdict("WRONG", f"{theirs} was taken")
    except package.ConfigError as refusal:
        if ours not in str(refusal):
            verdict("WRONG", f"{theirs} does not lead to {ours}", str(refusal))
status, said = caviar("tune", "table.csv", "--target", "y", "--metric", "auc", "--trials", 1)
clear = status == 2 and "--metric roc_auc" in said and not crashed(said)
verdict("refusal" if clear else "WRONG", "ours is named" if clear else "not clear", said)
