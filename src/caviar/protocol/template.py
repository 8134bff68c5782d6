"""Command lines with hyperparameters in them: ``train.py --lr {lr} --momentum {momentum} {--nesterov}``.

Notation
    word       an argument of the command; one with spaces, as in ``sh -c "train --lr {lr}"``, has words of its own
    {name}     the value of a hyperparameter, or of a fact of the trial: its number, seed, epochs and folder
    {--name}   an option of its own: ``--name`` for true, nothing for false and None, ``--name value`` for a value
    {--no-name}  the same for the opposite of a boolean: there for false, nothing for true
    {{name}}   the text {name}
    argument   left out as one where a hyperparameter in it does not apply: an option with the word behind it, and with
               further words that are nothing but places; any other word alone
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caviar.errors import ConfigError, did_you_mean
from caviar.records.config import as_argument
from caviar.scales import Choice
from caviar.space import Space

OF_THE_TRIAL = ("trial", "seed", "epochs", "folder")

_NAME = r"[A-Za-z_]\w*(?:[.-]\w+)*"
_PLACE = re.compile(rf"(?<!\{{)\{{(?P<dashes>-{{0,2}})(?P<name>{_NAME})\}}|\{{\{{(?P<text>-{{0,2}}{_NAME})\}}\}}")
_OPTION = re.compile(r"-{1,2}[A-Za-z][^=\s{}]*")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "fish")
_ALONE = re.compile(r"""["']?(?:[-+~\w.]*[-+~\w.=])?["']?["']?""")  # what may stand around the place of an argument


@dataclass(frozen=True)
class Template:
    """The words of a command line with the places of hyperparameters."""

    words: Sequence[str]
    space: Space

    def __post_init__(self) -> None:
        """Raises ConfigError for a place that no value can be put into."""
        for word in self._all_words():
            self._check_word(word)
        for word in filter(_has_words, self.words):
            self._check_text(word)
        for group in self._groups():
            self._check_group(group)
        self._check_runs()
        self._check_forms()
        if not self.used:
            some = self.space.names[0]
            raise ConfigError(
                f"the command does not use hyperparameter {some!r}, nor any other of the space",
                f"write {{{some}}} where it belongs, such as --{some} {{{some}}}",
            )

    def notes(self) -> Iterator[str]:
        """Sentences on places that may not be meant so."""
        used = self.used
        conditions = {other for scale in self.space.scales.values() for other in scale.when or ()}
        unused = [name for name in self.space.searched if name not in used and name not in conditions]
        if unused:
            stand, they = ("stand", "they change") if len(unused) > 1 else ("stands", "it changes")
            yield (
                f"{', '.join(unused)} {stand} nowhere in the command, so {they} nothing: "
                f"write {{{unused[0]}}} where it belongs, or take it out of the space"
            )
        if braces := next((word for word in self.words if "{{" in _PLACE.sub("", word)), None):
            yield (
                f"the command has double braces in {braces!r:.60}, and they stay double: "
                "only {{name}} becomes {name}, and other braces are written once"
            )
        for group in self._groups():
            flags = [p["name"] for word in group for p in _PLACE.finditer(word) if p["name"] and not p["dashes"]]
            for name in map(self._name_of, flags):
                if group[0].startswith("-") and self._is_boolean(name):
                    yield (
                        f"{{{name}}} becomes true or false in the command, and Python's argparse takes both for true "
                        f"with type=bool: {{--{name}}} is a flag that is there or not"
                    )

    def fill(self, facts: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
        """The words for ``config``, without the arguments of hyperparameters that do not apply to it."""
        values = {**facts, **config}
        filled: list[str] = []
        for group in _groups(self.words):
            if any(map(_has_words, group)):
                filled += [self._fill_text(word, values) for word in group]
            elif self._applies(group, values):
                filled += [part for word in group for part in self._fill_word(word, values)]
        return filled

    def _fill_text(self, text: str, values: Mapping[str, Any]) -> str:
        """A word that is a command line itself; what stands between its words stays."""
        parts = re.split(r"(\s+)", text)
        words, spaces = parts[::2], ["", *parts[1::2]]
        found, at = "", 0
        for group in _groups(words):
            applies = self._applies(group, values)
            for word in group:
                filled = " ".join(self._fill_word(word, values)) if applies else ""
                found += spaces[at] + filled if filled or not word else ""
                at += 1
        return found

    def _fill_word(self, word: str, values: Mapping[str, Any]) -> list[str]:
        whole = _PLACE.fullmatch(word)
        if whole is not None and (negated := self._negated(whole)):
            return [whole["dashes"] + whole["name"]] if values.get(negated) is False else []
        if whole is not None and whole["dashes"]:
            value = values.get(self._name_of(whole["name"]))
            option = whole["dashes"] + whole["name"]
            if value is None or value is False:
                return []
            return [option] if value is True else [option, as_argument(value)]

        def value_of(place: re.Match[str]) -> str:
            return f"{{{place['text']}}}" if place["text"] else as_argument(values[self._name_of(place["name"])])

        return [_PLACE.sub(value_of, word)]

    def _applies(self, group: Sequence[str], values: Mapping[str, Any]) -> bool:
        """False where a place of ``group`` has no value, unless it is an option of its own, which may be missing."""
        places = [place for word in group for place in _PLACE.finditer(word)]
        return all(p["text"] or p["dashes"] or self._name_of(p["name"]) in values for p in places)

    # --- checks ---

    def _all_words(self) -> list[str]:
        return [part for word in self.words for part in (word.split() if _has_words(word) else [word])]

    def _groups(self) -> Iterator[list[str]]:
        for word in self.words:
            if _has_words(word):
                yield from _groups(word.split())
        yield from _groups(self.words)

    @property
    def used(self) -> set[str]:
        """The hyperparameters that stand in the command."""
        places = [place for word in self._all_words() for place in _PLACE.finditer(word) if not place["text"]]
        names = (self._negated(place) or self._name_of(place["name"]) for place in places)
        return {name for name in names if name in self.space}

    def _name_of(self, written: str) -> str:
        """The hyperparameter of a place: use-bn is use_bn, where there is none of the first name."""
        return written if written in self.space or written in OF_THE_TRIAL else written.replace("-", "_")

    def _negated(self, place: re.Match[str]) -> str:
        """The boolean of a place such as {--no-name}; empty for other places."""
        written = place["name"] or ""
        name = self._name_of(written[3:])
        is_one = place["dashes"] and written[:3] in ("no-", "no_") and self._name_of(written) not in self.space
        return name if is_one and self._is_boolean(name) else ""

    def _check_forms(self) -> None:
        """Refuse names in the forms of other programs, which nothing would fill."""
        used, command = self.used, " ".join(self.words)
        for name in self.space.names:
            if name in used and not re.search(rf"\$\{{{re.escape(name)}\}}", command):
                continue
            form = _forms(name).search(command)
            if form is not None:
                raise ConfigError(f"the command has {form[0]}, which nothing fills in", f"write {{{name}}}")

    def _check_word(self, word: str) -> None:
        known = (*self.space.names, *OF_THE_TRIAL)
        for place in _PLACE.finditer(word):
            if place["text"]:
                continue
            if self._name_of(place["name"]) not in known and not self._negated(place):
                raise ConfigError(
                    f"the command has {place[0]}, which is no hyperparameter",
                    f"{did_you_mean(place['name'], known)} (for the braces themselves write {{{place[0]}}})",
                )
            if place["dashes"] and place[0] != word:
                raise ConfigError(
                    f"{place[0]} is an option of its own, got {word!r:.60}", f"write it alone, or {{{place['name']}}}"
                )

    def _odd_for_a_shell(self, name: str) -> str:
        """The first choice of ``name`` that a shell would not read as one word, where the command is for a shell."""
        scale = self.space.scales.get(name)
        choices = scale.choices if isinstance(scale, Choice) else ()
        if not any(Path(word).name in _SHELLS for word in self.words):
            return ""
        return next((text for text in map(as_argument, choices) if shlex.quote(text) != text), "")

    def _check_group(self, group: Sequence[str]) -> None:
        """Refuse an argument of which only a part may apply."""
        places = [p for word in group if not _has_words(word) for p in _PLACE.finditer(word) if not p["text"]]
        names = [name for p in places if not p["dashes"] and (name := self._name_of(p["name"])) in self.space]
        if len({repr(self.space[name].when) for name in names}) > 1:
            last = names[-1]
            raise ConfigError(
                f"{' and '.join(dict.fromkeys(names))} stand in one argument of the command, "
                "and do not always apply together",
                f"give each an option of its own: --{last} {{{last}}}",
            )

    def _check_runs(self) -> None:
        """Refuse an option with numbers and places behind it, of which only the places would be left out."""
        run: list[str] = []
        for word in [*self._all_words(), ""]:
            place = _PLACE.fullmatch(word)
            if run and (_NUMBER.fullmatch(word) or (place and place["name"] and not place["dashes"])):
                run.append(word)
                continue
            numbers = [other for other in run if _NUMBER.fullmatch(other)]
            names = [self._name_of(found["name"]) for other in run[1:] if (found := _PLACE.fullmatch(other))]
            for name in names if numbers else ():
                if name in self.space and self.space[name].when:
                    raise ConfigError(
                        f"{name} does not always apply, and {numbers[0]} beside it behind {run[0]} would stay",
                        f"write one word, {run[0]}={','.join(run[1:])}, or put {numbers[0]} before {run[0]}",
                    )
            run = [word] if _OPTION.fullmatch(word) else []

    def _check_text(self, text: str) -> None:
        """Refuse a word with words of its own where leaving one out would leave a part of something."""
        for word in text.split():
            for place in _PLACE.finditer(word):
                name = self._name_of(place["name"] or "")
                odd = self._odd_for_a_shell(name)
                if odd and not re.match("[\"']", word[: place.start()][-1:]):
                    raise ConfigError(
                        f"{name} may be {odd!r:.40}, which the shell of {self.words[0]} takes apart",
                        f"put it in quotes, or leave the shell out: '{{{name}}}'",
                    )
                if name in self.space and self.space[name].when and not _ALONE.fullmatch(_PLACE.sub("", word)):
                    raise ConfigError(
                        f"{name} does not always apply, and {word!r:.60} in {text!r:.80} cannot be left out alone",
                        f"write it as an argument of its own, with blanks around it: --{name} {{{name}}}",
                    )

    def _is_boolean(self, name: str) -> bool:
        scale = self.space.scales.get(name)
        return isinstance(scale, Choice) and all(isinstance(value, bool) for value in scale.choices)


def refuse_places(words: Iterable[str], names: Iterable[str]) -> None:
    """Raise ConfigError where ``words`` of a program that speaks the protocol have places for values of ``names``."""
    known = {*names, *OF_THE_TRIAL}
    for word in words:
        for place in _PLACE.finditer(word):
            if place["name"] in known:
                raise ConfigError(
                    f"the command has {place[0]}, and this program is to get its config by the protocol",
                    "`score='val_acc=([0-9.]+)'` puts values into the command; else the program has trial.config",
                )


def _forms(name: str) -> re.Pattern[str]:
    """``name`` as shells, Python's formats and other tuners would fill it in."""
    name = re.escape(name)
    forms = (
        rf"\$\{{(?:args\.)?{name}\}}",
        rf"\$\({name}\)",
        rf"\$\{{\{{\s*{name}\s*\}}\}}",
        rf"\${name}\b",
        rf"%\({name}\)\w",
        rf"%{name}%?(?!\w)",
        rf"\{{{name}[:!][^{{}}]*\}}",
        rf"\{{\s+{name}\s*\}}|\{{{name}\s+\}}",
        rf"<{name}>",
        rf"\[{name}\]",
    )
    return re.compile("|".join(forms))


def _has_words(word: str) -> bool:
    return re.search(r"\s", word) is not None


def _groups(words: Iterable[str]) -> Iterator[list[str]]:
    """The arguments of a command: an option with the places behind it, or any other word alone."""
    group: list[str] = []
    for word in words:
        is_option = (word.startswith("-") and word[1:2].isalpha()) or word.startswith("--")
        place = _PLACE.search(word) if len(group) == 1 and not is_option else _PLACE.fullmatch(word)
        if group and place is not None and not place["text"] and not place["dashes"] and not _has_words(word):
            group.append(word)
            continue
        if group:
            yield group
        if _OPTION.fullmatch(word):
            group = [word]
        else:
            group = []
            yield [word]
    if group:
        yield group
