TRIED = "import a study of Optuna's with user attributes and times: exported, explained, and a start for another"
import sys

from kit import *

status, out, said = script(
    """import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def objective(trial):
    lr = trial.suggest_float("opt.lr", 1e-4, 1, log=True)
    kind = trial.suggest_categorical("kind", ["a", None, True])
    trial.set_user_attr("parameters", 7 * trial.number)
    trial.set_user_attr("nan", float("nan"))
    if trial.number == 5:
        raise optuna.TrialPruned()
    if trial.number == 6:
        raise ValueError("no")
    return lr
study = optuna.create_study(study_name="of theirs", direction="minimize", storage="sqlite:///o.db")
study.optimize(objective, n_trials=9, catch=(ValueError,))
"""
)
store = ["--store", "t.db"]
done = [caviar("import", "o.db", *store), caviar("explain", "of theirs", *store)]
done.append(caviar("export", "of theirs", "--out", "o.csv", *store))
Path("p.py").write_text("import sys; print('loss', sys.argv[1])")
Path("space.toml").write_text(
    '["opt.lr"]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n[kind]\nchoices = ["a", { none = true }, true]\n'
)
command = ["--command", f"{sys.executable} p.py {{opt.lr}} {{kind}}", "--score", r"loss (\S+)", "--goal", "minimize"]
done.append(
    caviar("tune", *command, "--space", "space.toml", "--trials", 4, "--known", "of theirs", "--study", "new", *store)
)
text = flat("".join(said for _, said in done))
fine = all(code == 0 for code, _ in done) and "8 trials of study 'of theirs' are known" in text and "12 started" in text
table = pd.read_csv("o.csv") if Path("o.csv").is_file() else pd.DataFrame()
fine = fine and list(table["attributes.parameters"]) == [7 * n for n in range(9)]
fine = fine and pd.to_datetime(table.began).dt.tz is not None and "won: loss" in text
verdict("right" if fine else "WRONG", "attributes, times, an account, and a start", str(done))
