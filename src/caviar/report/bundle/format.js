// Numbers and times as people read them.

const GROUPED = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

// At most `digits` that count: 0.9431, 1.763e-6, 12,345.
export function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "none";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return GROUPED.format(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  if (size >= 10 ** (digits - 1)) return GROUPED.format(value);
  return String(Number(value.toPrecision(digits)));
}

// A score with as many digits as its neighbours: 0.9400, 58.48.
export function score(value) {
  if (value === null || value === undefined) return "none";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e4) ? number(value) : value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4);
}

export function count(n, one, many = `${one}s`) {
  return `${GROUPED.format(n)} ${n === 1 ? one : many}`;
}

export function percent(share) {
  return share > 0 && share < 0.01 ? "under 1 %" : `${Math.round(100 * share)} %`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 1) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 90) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  const minutes = seconds / 60;
  if (minutes < 90) return `${Math.floor(minutes)} min ${Math.round(seconds % 60)} s`;
  const hours = minutes / 60;
  if (hours < 48) return `${Math.floor(hours)} h ${Math.round(minutes % 60)} min`;
  return `${Math.round(hours / 24)} days`;
}

export function bytes(n) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let k = 0;
  while (n >= 1000 && k < units.length - 1) {
    n /= 1000;
    k += 1;
  }
  return `${Number(n.toPrecision(3))} ${units[k]}`;
}

// An ISO time in the reader's own zone.
export function when(iso) {
  if (!iso) return "unknown";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

// A value of a hyperparameter.
export function value(of) {
  if (of === null || of === undefined) return "";
  return typeof of === "number" ? number(of) : String(of);
}

// A metric or a hyperparameter's name in words: "log_loss" is "log loss".
export const words = (name) => String(name).replaceAll("_", " ");

const METRICS = { r2: "R2", rmse: "RMSE", mae: "MAE", mape: "MAPE", roc_auc: "ROC AUC", f1_macro: "macro F1", mcc: "MCC", brier: "Brier score" };
export const metric = (name) => METRICS[name] ?? words(name).slice(0, 60);

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
