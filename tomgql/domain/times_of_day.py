"""A column of calendar dates and, beside it, a column of times of day: together one column of times."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note
from tomgql.domain.synonyms import normalise, split_unit, time_name
from tomgql.errors import UnreadableFile

_NAMES = frozenset({"time", "ut", "utc", "uttime", "utctime", "timeut", "timeutc", "hour", "obstime", "timeofday"})
_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", re.ASCII)
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z?)", re.ASCII)


def combine_times(
    chosen: Column, columns: Sequence[Column], roles: Sequence[int], file_name: str, *, mapped: bool
) -> tuple[Column, list[Note]]:
    """The column of times: as chosen, or its dates with the times of day of another column.

    ``roles`` are the places of columns that mean something; ``mapped`` says that a person chose the time column.

    Raises `UnreadableFile` when a column beside the dates is called a time of day and holds something else.
    """
    said = time_name(chosen.name)
    if said is not None and said.format is not None:
        return chosen, []
    dates = chosen if mapped else _dates(chosen, columns)
    clock = _clock(dates, chosen, columns, roles)
    if clock is None or not _mostly(dates, _DATE):
        return chosen, []
    if not _mostly(clock, _TIME_OF_DAY):
        return dates, [_odd(dates, clock, file_name, mapped)]
    cells = [_moment(day, time) for day, time in zip(dates.texts, clock.texts, strict=True)]
    message = f"times are the dates of column {dates.name} with the times of day of column {clock.name}"
    universal = "ut" in normalise(clock.name)
    return Column(dates.name, cells, unit="UTC" if universal else dates.unit), [Note("INFO", "TIME_COMBINED", message)]


def _dates(chosen: Column, columns: Sequence[Column]) -> Column:
    """The dates, when the chosen column turns out to be the times of day."""
    if not _mostly(chosen, _TIME_OF_DAY):
        return chosen
    others = [column for column in columns if column is not chosen and time_name(column.name) is not None]
    return next((column for column in others if _mostly(column, _DATE)), chosen)


def _clock(dates: Column, chosen: Column, columns: Sequence[Column], roles: Sequence[int]) -> Column | None:
    if dates is not chosen:
        return chosen
    free = [column for at, column in enumerate(columns) if at not in roles and any(column.texts)]
    return next((column for column in free if normalise(split_unit(column.name)[0]) in _NAMES), None)


def _mostly(column: Column, form: re.Pattern[str]) -> bool:
    """Whether more than half of the cells that say something have this form."""
    texts = [text for text in column.texts if text is not None]
    return 2 * sum(form.fullmatch(text) is not None for text in texts) > len(texts)


def _moment(day: str | None, time: str | None) -> str | None:
    """Date and time of day in ISO 8601 where both are good, else as they stand, which no reader takes for a time."""
    if day is None or time is None:
        return None
    if not _DATE.fullmatch(day):
        return day
    match = _TIME_OF_DAY.fullmatch(time)
    return f"{day.replace('/', '-')}T{match[1]:0>2}:{match[2]}{match[3]}" if match else f"{day} {time}"


def _odd(dates: Column, clock: Column, file_name: str, mapped: bool) -> Note:
    first = next(text for text in clock.texts if text is not None)
    words = f'column {clock.name} holds no times of day such as 12:34:56 (first "{first}")'
    if mapped:
        return Note("WARNING", "TIME_OF_DAY_UNUSED", f"{words}; column {dates.name} is read as midnight")
    raise UnreadableFile(
        f"{file_name}: column {dates.name} holds dates without a time of day, and {words}: say which column is the "
        "time with the column mapping."
    )
