"""The number that a regular expression finds in a line of output, read as its writer meant it.

People write ``val_loss=([0-9.]+)``, and a program prints 6.05e-06, -1.2, nan or "0.93." there. So the expression only
says where the number is: the whole number at that place is read. Where it could be two numbers, the line is refused.

    token    a number as it stands in the line, with sign and exponent
    soft     a line of the same length in which NaN, infinity and signs are digits, so that ``[0-9.]+`` matches them
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from caviar.errors import ConfigError, abridged
from caviar.protocol.messages import Malformed
from caviar.records.ranking import Goal

EXAMPLE = "`score='val_loss=([-+.0-9e]+)'`"
"""An expression that matches every number, for messages."""

_WORD = r"(?<![\w.])(?:nan|inf(?:inity)?)(?!\w)"
_SIGN = r"(?<![\w.)\]])[-+\u2212]"  # between two words it is a hyphen
_TOKEN = re.compile(
    rf"(?:{_SIGN})?(?:{_WORD}|(?:\d{{1,3}}(?:[_']\d{{3}})+(?:\.\d*)?|\d+\.?\d*|\.\d+)(?:e[-+\u2212]?\d+(?!\w|\.\d))?)",
    re.IGNORECASE,
)
_NOT_FINITE = re.compile(_WORD, re.IGNORECASE)
_GROUP = re.compile(r"(?<!\\)\((?:\?P<(\w+)>|(?!\?))")
_WITH_COMMA = re.compile(r"[-+\u2212]?[\d.,]+")
_SIGNED_NUMBER = re.compile(rf"{_SIGN}(?=\.?\d|nan|inf)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A score in a line; ``remark`` says what was read otherwise than the expression alone would have it."""

    value: float
    remark: str = ""


@dataclass(frozen=True)
class ScorePattern:
    """A regular expression with a group where the score is: that called ``score``, else the first one that matches."""

    text: str
    _expression: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Raises ConfigError for what is no expression with a group."""
        way_out = f"write {EXAMPLE}"
        try:
            expression = re.compile(self.text)
        except re.error as error:
            raise ConfigError(f"`score` is not a regular expression: {error}, got {self.text!r:.80}", way_out) from None
        if expression.groups < 1:
            raise ConfigError(f"`score` must have a group around the number, got {self.text!r:.80}", way_out)
        object.__setattr__(self, "_expression", expression)

    @property
    def remark(self) -> str:
        """A sentence for a person who wrote more groups than one; else empty."""
        if self._expression.groups == 1 or "score" in self._expression.groupindex:
            return ""
        return (
            f"`score` {self.text!r:.80} has {self._expression.groups} groups, and the score is the first that matches: "
            "call another (?P<score>...), and write (?:...) for one that only groups"
        )

    def find(self, line: str) -> Found | None:
        """The last score in ``line``; None in a line without one. Raises Malformed where it is no single number."""
        plain, soft = self._matches(line), self._matches(_soft(line))
        matches = soft if _start(soft) >= _start(plain) else plain
        if not matches:
            return None
        match = matches[-1]
        value, remark = self._read(line, match)
        if len(matches) > 1:
            remark = f"`score` matches {len(matches)} numbers in {_shown(line)}, and the last counts"
        return Found(value, remark)

    def _matches(self, line: str) -> list[re.Match[str]]:
        return [match for match in self._expression.finditer(line) if self._group(match)]

    def _group(self, match: re.Match[str]) -> int:
        """The number of the group of ``match`` where the score is; 0 where none takes part in it."""
        named = self._expression.groupindex.get("score")
        groups = range(1, self._expression.groups + 1) if named is None else (named,)
        return next((group for group in groups if match[group] is not None), 0)

    def _read(self, line: str, match: re.Match[str]) -> tuple[float, str]:
        start, end = match.span(self._group(match))
        said = line[start:end]
        pinned = match.end() > end  # the expression says what stands behind the number
        if "," in said.strip(" ,"):
            negative = re.search(rf"{_SIGN}$", line[:start]) and not self._names_the_sign()
            return _with_comma("-" + said.strip() if negative else said, line), ""
        inside = [token for token in _TOKEN.finditer(line) if token.start() < end and token.end() > start]
        if len(inside) != 1 or re.search(r"\w", line[start : inside[0].start()] + line[inside[0].end() : end]):
            raise Malformed(f"the score must be one number, got {said!r:.60} in {_shown(line)}")
        token = inside[0]
        if not pinned and token.end() >= end:
            _check_end(token[0], line[token.end() :], line)
        whole = token[0]
        if whole[0] in "-+\u2212" and token.start() < start and self._names_the_sign():
            whole = whole[1:]
        value = float(re.sub(r"[_']", "", whole.replace("\u2212", "-")))
        same = said.strip(" %") in (token[0], whole) or _number(said) == value
        return value, "" if same else f"`score` matches {said!r:.60} in {_shown(line)}, and {whole} is read"

    def _names_the_sign(self) -> bool:
        """True where the expression asks for a sign, or a hyphen, and leaves it out of its group."""
        group = _group_of(self.text)
        return group is not None and re.search(r"[-+\u2212]\]?$", self.text[: group.start()]) is not None


def _group_of(pattern: str) -> re.Match[str] | None:
    """The parenthesis in ``pattern`` where the score is: that called ``score``, else the first."""
    groups = list(_GROUP.finditer(pattern))
    return next((group for group in groups if group[1] == "score"), groups[0] if groups else None)


def _shown(line: str) -> str:
    """``line`` in quotes, of a long one its beginning."""
    return repr(abridged(line, 110))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _start(matches: list[re.Match[str]]) -> int:
    return matches[-1].start() if matches else -1


def _soft(line: str) -> str:
    """``line`` with digits for NaN, infinity and signs, as long as before."""
    soft = _SIGNED_NUMBER.sub("0", line)
    return _NOT_FINITE.sub(lambda found: "0." + "0" * (len(found[0]) - 2), soft)


def _check_end(token: str, behind: str, line: str) -> None:
    """Refuse a number that goes on in a way that could change it: 0,93 or 1.2k."""
    comma = re.match(r",\d[\d.,]*", behind)
    if comma and re.fullmatch(r"[-+\u2212]?(?:\d+|[1-9]\d{0,2}\.\d{3})", token):
        number = token + comma[0]
        raise Malformed(
            f"the score could be {token} or {number!r} in {_shown(line)}: "
            "take commas into the group of `score`, ([0-9.,]+), or write the comma behind it, ([0-9.]+),"
        )
    if joined := re.match(r"\w+|\.\d[\d.]*", behind):
        number = token + joined[0]
        raise Malformed(
            f"the score {number!r} is not only a number in {_shown(line)}: "
            "write what stands behind the group of `score`"
        )


def _with_comma(said: str, line: str) -> float:
    """A number with commas: 0,93 and 1.234,5 have decimal commas, 1,234.5 has one a thousand."""
    found = _WITH_COMMA.fullmatch(said.strip(" ,%").rstrip("."))
    number = "" if found is None else found[0].replace("\u2212", "-")
    if re.fullmatch(r"[-+]?[1-9]\d{0,2}(,\d{3})+\.\d*", number) or re.fullmatch(
        r"[-+]?[1-9]\d{0,2}(,\d{3}){2,}", number
    ):
        return float(number.replace(",", ""))
    if re.fullmatch(r"[-+]?[1-9]\d{0,2}(\.\d{3})+,\d*", number):
        return float(number.replace(".", "").replace(",", "."))
    if re.fullmatch(r"[-+]?\d*,\d+", number) and not re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", number):
        return float(number.replace(",", "."))
    raise Malformed(
        f"the score {said!r:.60} could be two different numbers in {_shown(line)}: print it without a comma"
    )


# --- larger or smaller ---

_LOSSES = re.compile(
    r"loss|losses|err|errors?|nll|mse|rmse|mae|mape|smape|rmsle|logloss|(?:cross)?entropy|brier|ece|perplexity|ppl|"
    r"deviance|divergence|kl|distance|residual|cost|regret|wer|cer|fid|kid|bp[bcd]|misclassified|wrong|mistakes"
)
_SCORES = re.compile(
    r"acc|accuracy|accuracies|auc|auroc|auprc|roc|f1|fscore|r2|score|scores|precision|recall|sensitivity|specificity|"
    r"m?iou|dice|map|bleu|rouge|psnr|ssim|mcc|kappa|ndcg|mrr|top1|top5|correlation|pearson|spearman|likelihood|elbo|"
    r"reward|rewards|return|returns|correct|wins|success"
)
_TURNED = ("neg", "negative", "minus")  # scikit-learn's neg_log_loss is the larger the better


def goal_of_name(name: str) -> Goal | None:
    """The goal of a score that is called ``name``; None where the name says neither, or both."""
    words = re.findall(r"[a-z]+\d*", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    small, large = any(map(_LOSSES.fullmatch, words)), any(map(_SCORES.fullmatch, words))
    if small == large:
        return None
    return "minimize" if small and not any(word in _TURNED for word in words) else "maximize"


def name_of_score(pattern: str) -> str:
    """The name of the score in ``pattern``: the last one before its group that says a goal, or any name.

    >>> name_of_score("Average loss: .*, Accuracy: ([0-9.]+)")
    'Accuracy'
    """
    group = _group_of(pattern)
    before, own, after = (
        (pattern, "", "") if group is None else (pattern[: group.start()], group[1] or "", pattern[group.end() :])
    )
    for text in (before, own, after):
        names = re.findall(r"[A-Za-z]\w*(?:[- ][A-Za-z]\w*){0,2}", re.sub(r"\\[a-zA-Z]", " ", text))
        known = [name for name in names if goal_of_name(name)]
        if known or names:
            return str((known or names)[-1])
    return ""
