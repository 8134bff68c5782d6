"""Dates and times as people write them, and what a network is fed of them.

    2020-01-31, 2020/1/31, 20200131       year, month, day
    31/01/2020, 31.1.2020, 31-01-20       day or month first: only a day above 12, another column or the user can say
    31 Jan 2020, Jan 31, 2020, Jan 2020   the month by its name, in seven languages
    31. Januar 2020, 31 de enero de 2020
    Jan-20, 2020Q1, Q1 2020, 2020-W05     a month, a quarter or a week: its first day
    ... 18:30, 18:30:15.5, 6:30 PM        with a time of the day, behind a blank or a T
    18:30, 18.30.00, 2h 50m               a time alone, or a duration

Years of two digits are those of one century, as far as they leave a gap in it: births from 35 over 99 to 03 are of
1935 to 2003. A zone (Z, +01:00) is left aside: the hour is the one that the clock showed where the row was written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from caviar.data.number_cells import is_mark
from caviar.data.verdicts import FEW_CODES, MOST_ODD, NEARLY_ALL, Doubt, Words
from caviar.errors import DataError

FEATURES = ("year", "month", "day", "weekday", "hour", "days")
"""Numbers that become of a date: Monday is weekday 0, the hour has a fraction, ``days`` are counted from the first of
training."""

# In English, German, French, Spanish, Italian, Portuguese and Dutch.
_MONTH_NAMES = (
    "january jan januar jänner janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar février fevrier févr fév fev febrero febbraio fevereiro februari",
    "march mar märz maerz mär mrz mars marzo março marco maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août aout agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro",
)
_MONTHS = {name: k for k, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_WORDS_TOO = frozenset({"gen", "mag", "lug", "ago", "set", "out", "ene"})  # with two digits: SET-10
_WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,? +)?"
_NAME = r"(?P<name>[^\W\d_]{3,10})\.?"
_YEAR, _MONTH, _DAY = r"(?P<y>[0-9]{4})", r"(?P<m>[0-9]{1,2})", r"(?P<d>[0-9]{1,2})(?:st|nd|rd|th)?"
_CLOCK_TIME = (
    r"(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?P<fraction>[.,][0-9]{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_TIME = rf"(?:(?:,? |T){_CLOCK_TIME}(?: ?(?:Z|UTC|GMT|[-+][0-9]{{2}}:?(?:[0-9]{{2}})?))*)?"
_DATE = [
    re.compile(pattern)
    for pattern in (
        rf"(?P<a>[0-9]{{1,4}})(?P<mark>[-/. ])(?P<b>[0-9]{{1,2}})(?P=mark)(?P<c>[0-9]{{1,4}})\.?{_TIME}",
        rf"{_YEAR}(?P<m>[0-9]{{2}})(?P<d>[0-9]{{2}})(?:[T ]?(?P<compact>[0-9]{{6}})Z?|{_TIME})",
        rf"{_WEEKDAY}{_DAY}(?:[-/. ]+| de ){_NAME}(?:[-/, ]+| de )(?P<y>[0-9]{{4}}|[0-9]{{2}}){_TIME}",
        rf"{_WEEKDAY}{_NAME}[-/ ]+{_DAY},? +{_YEAR}{_TIME}",
        rf"{_WEEKDAY}{_NAME} {_DAY} {_CLOCK_TIME}(?: [A-Z]{{3,4}})? {_YEAR}",
        rf"{_NAME}[-/, ]+{_YEAR}",
        rf"{_YEAR}[-/]{_MONTH}",
        rf"{_MONTH}[-/]{_YEAR}",
        rf"{_NAME}[-/ ]'?(?P<y>[0-9]{{2}})",
        rf"{_YEAR}[-/ ]?[Qq](?P<quarter>[1-4])",
        rf"[Qq](?P<quarter>[1-4])[-/ ]*{_YEAR}",
        rf"(?P<quarter>[1-4])[Qq][-/ ]?{_YEAR}",
        rf"{_YEAR}[- ]?[Ww](?P<week>[0-9]{{1,2}})(?:-(?P<weekday>[1-7]))?",
    )
]
_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,3})(?P<mark>[:.])(?P<minute>[0-5][0-9])"
    r"(?:(?P=mark)(?P<second>[0-5][0-9])(?P<fraction>[.,][0-9]{1,9})?)?(?: *(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_DURATIONS = {"days": 24.0, "hours": 1.0, "minutes": 1 / 60, "seconds": 1 / 3600}
_DURATION = re.compile(
    r"(?:(?P<days>[0-9]+) ?d(?:ays?)?,? *)?(?:(?P<hours>[0-9]+) ?h(?:(?:ou)?rs?)?,? *)?"
    r"(?:(?P<minutes>[0-9]+) ?m(?:in(?:ute)?s?)?,? *)?(?:(?P<seconds>[0-9]+(?:\.[0-9]+)?) ?s(?:ec(?:ond)?s?)?)?",
    re.IGNORECASE,
)
_LONGEST = 40  # characters of a cell that may be a date
_FIRST_YEAR, _LAST_YEAR = 1500, 2261
_FIRST_OF_SHORT = 1969  # of years of two digits, as in POSIX
_BEGUN = 29  # years of two digits from 00 to here have a beginning of this century ...
_LATEST = 2050  # ... unless the last of them would be later

ORDERS = ("ymd", "dmy", "mdy")
_PARTS = {"d": "d", "e": "d", "m": "m", "b": "m", "B": "m", "y": "y", "Y": "y", "G": "y", "V": "m"}
CLOCK = "clock"


@dataclass(frozen=True)
class DateNotation:
    """The way in which a column of dates is written: the ``order`` of year, month and day where it has numbers alone.

    CLOCK: it has times alone. ``first``: the year from which on years of two digits are counted. ``missing`` are texts
    that stand for missing values besides MARKS; ``example`` is a cell.
    """

    order: str = "ymd"
    missing: tuple[str, ...] = ()
    example: str = ""
    first: int = _FIRST_OF_SHORT

    @property
    def clock(self) -> bool:
        """True for times alone, which are numbers: the hours."""
        return self.order == CLOCK

    def value(self, text: str) -> datetime | float | None:
        """The date in a cell, or its hours; NaN for a missing value, None where the cell does not fit."""
        if is_mark(text) or text in self.missing:
            return float("nan")
        return hours(text) if self.clock else moment(text, self.order, self.first)


@dataclass(frozen=True)
class Dates:
    """A column of dates in ``notation``. ``marks``: texts taken as missing."""

    notation: DateNotation
    marks: tuple[str, ...] = ()
    proof: str = ""  # the order, where a cell can be read in this one only


def moment(text: str, order: str, first: int = _FIRST_OF_SHORT) -> datetime | None:
    """The date in a cell, read in that ``order``, years of two digits from ``first`` on; None where it is none."""
    cell = " ".join(text.split())
    if not cell or len(cell) > _LONGEST:
        return None
    for pattern in _DATE:
        found = pattern.fullmatch(cell)
        if found is None:
            continue
        part = found.groupdict()
        if part.get("compact"):
            part |= dict(zip(("hour", "minute", "second"), re.findall("..", part["compact"]), strict=True))
        try:
            if part.get("week"):
                weekday = int(part.get("weekday") or 1)
                return datetime.fromisocalendar(int(str(part["y"])), int(str(part["week"])), weekday)
            day = _day_of(part, order, first)
            return None if day is None else datetime(*day, *_time_of(part))
        except ValueError:  # the 31st of April
            return None
    return None


def hours(text: str) -> float | None:
    """The hours of a time alone, such as 18:30, or of a duration, such as 2h 50m; None where it is neither."""
    if (parts := _parts(text)) is not None:
        return sum(float(parts[name] or 0) * scale for name, scale in _DURATIONS.items())
    found = _CLOCK.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None or (found["mark"] == "." and found["second"] is None):
        return None
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found["half"] in "Pp")
    second = float(f"{found['second'] or 0}{(found['fraction'] or '').replace(',', '.')}")
    return hour + int(found["minute"]) / 60 + second / 3600


def _parts(text: str) -> dict[str, str | None] | None:
    """The days, hours, minutes and seconds of a duration; None where it is none."""
    found = _DURATION.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    return found.groupdict() if found and any(found.groups()) else None


def _day_of(part: Mapping[str, str | None], order: str, first: int) -> tuple[int, int, int] | None:
    """Year, month and day."""
    if part.get("a"):
        a, b, c, mark = (str(part[name]) for name in ("a", "b", "c", "mark"))
        if len(a) == 4:
            order = "ymd"
        elif (order == "ymd" and (len(c) == 4 or mark != "-")) or (mark == "." and order != "dmy"):
            return None  # with points the day comes first everywhere; a year of two digits comes first with - alone
        found = dict(zip(order, (a, b, c), strict=True))
        if len(found["y"]) not in (2, 4) or len(found["d"]) > 2:
            return None
        year, month, day = found["y"], int(found["m"]), int(found["d"])
    else:
        name, quarter = part.get("name"), part.get("quarter")
        part = {**part, "m": str(3 * int(quarter) - 2)} if quarter else part
        number = _MONTHS.get(name.casefold()) if name else int(str(part["m"]))
        if number is None or (
            len(str(part["y"])) == 2 and not part.get("d") and name and name.casefold() in _WORDS_TOO
        ):
            return None
        year, month, day = str(part["y"]), number, int(part.get("d") or 1)
    full = int(year) if len(year) == 4 else first + (int(year) - first) % 100
    return (full, month, day) if _FIRST_YEAR <= full <= _LAST_YEAR else None


def _time_of(part: Mapping[str, str | None]) -> tuple[int, int, int, int]:
    """Hour, minute, second and microsecond; midnight where there is no time. Raises ValueError."""
    if not part.get("hour"):
        return 0, 0, 0, 0
    hour, half = int(str(part["hour"])), part.get("half")
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + 12 * (half in "Pp")
    fraction = round(float(f"0.{(part.get('fraction') or '.0')[1:]}") * 1e6)
    return hour, int(str(part["minute"])), int(part.get("second") or 0), min(fraction, 999_999)


def dates_of(
    counts: Mapping[str, int], order: str | None = None, usual: str | None = None, forced: bool = False
) -> Dates | Words | Doubt:
    """The kind of a column of text as far as dates go, and their order.

    counts: how many cells have each text, the empty ones left out. order: the one that the user names, if any. usual:
    that of the other columns, for a column that proves none. forced: the user says that it holds dates, and what is
    none is missing.
    """
    rest = [text for text in counts if not is_mark(text)]
    present = sum(counts[text] for text in rest)
    possible = {one: {text: found for text in rest if (found := moment(text, one))} for one in (order,) if one} or {
        one: {text: found for text in rest if (found := moment(text, one))} for one in ORDERS
    }
    dates = dict.fromkeys(text for found in possible.values() for text in found)
    if not _nearly_all(dates, counts, present, forced):
        clock = dict.fromkeys(text for text in rest if hours(text) is not None)
        several = any(sum(map(bool, parts.values())) > 1 for text in clock if (parts := _parts(text)))
        clock = clock if several else dict.fromkeys(text for text in clock if _parts(text) is None)  # 5 m: metres?
        if not _nearly_all(clock, counts, present, forced):
            few = 2 * sum(counts[text] for text in dates) <= present
            return Words("" if few else "fewer than nine in ten cells are dates")
        dates, possible, order = clock, {CLOCK: {}}, CLOCK
    odd = [text for text in rest if text not in dates]
    if not forced and (sum(counts[t] for t in odd) > FEW_CODES * present or len(odd) > MOST_ODD):
        return Words(f"{odd[0]!r:.30} is no date")
    if len(dates) < 2 and not forced:
        return Words()
    decided = (order, "") if order else _order(possible, counts, usual)
    if isinstance(decided, Doubt):
        return decided
    odd = [text for text in rest if text not in (dates if order == CLOCK else possible[decided[0]])]
    marks = [text for text in counts if is_mark(text)]
    example = next((t for t in dates if _unlike(t, possible)), max(dates, key=lambda text: (counts[text], text)))
    missing = tuple(sorted({*odd, *(text for text in marks if not is_mark(text))}))
    short = Counter[int]()
    for text in possible[decided[0]] if order != CLOCK else ():
        if (year := short_year(text, decided[0])) is not None:
            short[year] += counts[text]
    if short and short_year(example, decided[0]) is None:
        example = next(text for text in dates if short_year(text, decided[0]) is not None)
    return Dates(DateNotation(decided[0], missing, example, _first_year(short)), (*marks, *odd), decided[1])


def short_year(text: str, order: str) -> int | None:
    """The year of a date, where it is written with two digits."""
    one, other = (moment(text, order, first) for first in (_FIRST_OF_SHORT, _FIRST_OF_SHORT + 100))
    return None if one == other else ((one or other or datetime.min).year % 100)


def _first_year(short: Collection[int]) -> int:
    """The year from which on years of two digits are counted: half of the widest gap before the first of them.

    That is of this century where it is from 00 to _BEGUN, and the last one no later than _LATEST; else of the last.
    """
    years = sorted(short)
    if not years:
        return _FIRST_OF_SHORT
    gap, start = max(
        ((year - before - 1) % 100, year) for before, year in zip([years[-1], *years], years, strict=False)
    )
    span = 99 - gap
    if gap < 2:
        return _FIRST_OF_SHORT
    century = 2000 if start <= _BEGUN and 2000 + start + span <= _LATEST else 1900
    return century + start - gap // 2


def _nearly_all(texts: Collection[str], counts: Mapping[str, int], present: int, forced: bool) -> bool:
    return bool(texts) and (forced or sum(counts[text] for text in texts) >= NEARLY_ALL * present)


def _unlike(text: str, possible: Mapping[str, Mapping[str, datetime]]) -> bool:
    """True for a text whose reading depends on the order."""
    return len({found.get(text) for found in possible.values()} - {None}) > 1


def _order(
    possible: Mapping[str, Mapping[str, datetime]], counts: Mapping[str, int], usual: str | None
) -> tuple[str, str] | Doubt:
    """The order, and the same again where a cell proves it; or a doubt."""
    shares = {one: sum(counts[text] for text in found) for one, found in possible.items()}
    best = [one for one in possible if shares[one] == max(shares.values())]
    total = sum(counts[text] for text in {text for found in possible.values() for text in found})
    alike = all(possible[one].keys() == possible[best[0]].keys() for one in best)
    if not alike or total - shares[best[0]] > FEW_CODES * total:
        one = min(possible[best[0]].keys() - possible[best[-1]].keys(), default="") or min(possible[best[0]])
        other = min(text for found in possible.values() for text in found if text not in possible[best[0]])
        return Doubt(
            f"a column must have one order of day and month, but {{name}} has both {one!r:.30} and {other!r:.30}",
            "write them alike, or keep the column as text: `text=[{name}]`",
        )
    if len(best) == 1:
        return best[0], best[0]
    either = next((text for text in possible[best[0]] if _unlike(text, {one: possible[one] for one in best})), None)
    if either is None:
        return best[0], ""
    if usual in best:
        return str(usual), ""
    first, second = ((one, possible[one][either]) for one in best[-2:])
    return Doubt(
        f"{either!r:.30} in {{name}} can be read in two ways: as {first[1]:%d %B %Y} or as {second[1]:%d %B %Y}",
        f"say which: {_way(first[0])} or {_way(second[0])}; or keep text: `text=[{{name}}]`",
        settled_by_others=True,
    )


def _way(order: str) -> str:
    letters = "/".join({"y": "%Y", "m": "%m", "d": "%d"}[one] for one in order)
    return f'`date=["{{bare}}={letters}"]`'


def order_in(entry: str, names: Sequence[str]) -> tuple[str, str | None]:
    """The column that an entry of ``date`` names, and the order of its dates: "when=%d/%m/%Y" is ("when", "dmy").

    There is no order where the day is missing, as in "when=%b-%y". Raises DataError for a date without month or year.
    """
    name, mark, pattern = entry.rpartition("=%")
    if entry in names or not mark:
        return entry, None
    letters = dict.fromkeys(_PARTS[letter] for letter in re.findall("%([a-zA-Z])", f"%{pattern}") if letter in _PARTS)
    order = "".join(letters)
    if not {"y", "m"} <= letters.keys():
        raise DataError(
            f"a date must have a year and a month, got '%{pattern[:40]}' for {name[:40]!r}",
            f'write the order of its parts, such as `date=["{name[:40]}=%d/%m/%Y"]`; or keep it as text: '
            f'`text=["{name[:40]}"]`',
        )
    return name, order if order in ORDERS else None
