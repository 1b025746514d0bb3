"""The figures: one function a question, each adds its lines and goals to the table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from statistics import median, quantiles

import orjson

from tests.bench import questions
from tests.bench.data import ADMIN, OBSERVER, Database, Sizes
from tests.bench.measure import Timing, Web, alternately, statements, worst_wait
from tests.bench.questions import Question, same
from tests.bench.table import Table

MB = 1e6
"""Bytes in a megabyte."""

NESTED = 200, 100
"""Targets, and points of each, of the nested read."""

RADII_ARCSEC = 1, 10, 60, 600, 3600
"""Radii of the cone searches: 1 arcsec to 1 degree."""

CONES = 100
"""Cone searches of each radius."""


@dataclass(frozen=True)
class Stage:
    """What is measured, over what, how often, and where it is written down.

    tomgql is the first of ``webs``; ``postgres`` is the mark of the database's processes.
    """

    webs: list[Web]
    database: Database
    sizes: Sizes
    repetitions: int
    table: Table
    postgres: str

    @property
    def tomgql(self) -> Web:
        """The server that the goals are about."""
        return self.webs[0]

    def time(self, question: Question, webs: list[Web] | None = None) -> dict[str, Timing]:
        """Times of all servers, or of some, in turn."""
        return alternately(webs or self.webs, question, self.repetitions, self.postgres)

    def asked_as(self, username: str) -> Web:
        """tomgql, asked as somebody else."""
        web = self.tomgql.signed_in(self.database.tokens[username])
        web.name = username
        return web


def answers(stage: Stage) -> None:
    """comparing the answers of all servers"""
    sizes = stage.sizes
    for question in (
        questions.tiny(7),
        questions.rows(sizes.page),
        questions.nested(*NESTED),
        questions.curve_objects(sizes.targets, sizes.curve),
        questions.curve_columns(sizes.targets),
    ):
        first, *others = [web.found(question) for web in stage.webs]
        for web, other in zip(stage.webs[1:], others, strict=True):
            assert same(first, other), f"{web.name} and tomgql answer differently: {question.document}"
    assert len(stage.tomgql.found(questions.rows(sizes.page))) == sizes.page  # type: ignore[arg-type]


def memory(stage: Stage) -> None:
    """peak memory of each web process during a flat read"""
    question = questions.rows(stage.sizes.page)
    peaks, growth = {}, {}
    for web in stage.webs:
        before = web.resident()
        web.forget_peak()
        size = len(web.ask(question).content)
        peaks[web.name] = web.peak() / MB
        growth[web.name] = (web.peak() - before) / size
    what = f"{stage.sizes.page:,} rows, first time: peak memory"
    stage.table.figures(what, "MB", peaks)
    stage.table.figures("  growth against the answer's size", "times", growth)
    stage.table.goal("memory grows by, in sizes of a flat answer", growth["tomgql"], 4, " x")


def flat(stage: Stage) -> None:
    """a flat list of eight fields"""
    count = stage.sizes.page
    question = questions.rows(count)
    timed = stage.time(question)
    _times(stage, f"{count:,} rows of 8 fields", timed, count)
    stage.table.figures("  SQL statements a request", "", _statements(stage, question))
    ours = timed["tomgql"].seconds
    stage.table.goal(f"{count:,} rows of 8 fields, against the bare endpoint", ours / timed["bare"].seconds, 1.3, " x")
    faster = timed["plain"].seconds / ours
    stage.table.goal(f"{count:,} rows of 8 fields, faster than plain Strawberry", faster, 8, " x", at_least=True)


def nested(stage: Stage) -> None:
    """a nested list"""
    targets, points = NESTED
    question = questions.nested(targets, points)
    timed = stage.time(question)
    _times(stage, f"{targets} targets x {points} points, nested", timed, targets * points)
    made = _statements(stage, question)
    stage.table.figures("  SQL statements a request", "", made)
    faster = timed["plain"].seconds / timed["tomgql"].seconds
    stage.table.goal("nested read, faster than plain Strawberry with DataLoaders", faster, 10, " x", at_least=True)
    stage.table.goal("nested read, SQL statements beside the one that knows the token", made["tomgql"] - 1, 1)
    people = {name: stage.asked_as(name) for name in (ADMIN, OBSERVER, "anonymous")}
    each = stage.time(question, list(people.values()))
    for name in people:
        stage.table.figures(f"  as {name}", "ms", {"tomgql": each[name].seconds * 1e3})


def light_curve(stage: Stage) -> None:
    """a light curve as columns and as objects"""
    target, count = stage.sizes.targets, stage.sizes.curve
    columns = stage.time(questions.curve_columns(target))
    objects = stage.time(questions.curve_objects(target, count))
    _times(stage, f"light curve of {count:,} points, columns", columns, count)
    _times(stage, f"light curve of {count:,} points, objects", objects, count)
    magnitudes = stage.time(questions.curve_columns(target, questions.MAGNITUDES), [stage.tomgql])["tomgql"]
    stage.table.figures("  as columns: mjd, band, computed magnitudes", "ms", {"tomgql": magnitudes.seconds * 1e3})
    ours, theirs = columns["tomgql"], objects["tomgql"]
    stage.table.goal("light curve as columns, time against objects", ours.seconds / theirs.seconds, 0.5, " x")
    stage.table.goal("light curve as columns, bytes against objects", ours.size / theirs.size, 0.5, " x")


def isolation(stage: Stage) -> None:
    """a tiny question beside a big one"""
    tiny, big = questions.tiny(7), questions.rows(stage.sizes.page)
    alone = stage.time(tiny)
    stage.table.figures("tiny question, alone", "ms", {name: each.seconds * 1e3 for name, each in alone.items()})
    waits: dict[str, list[float]] = {web.name: [] for web in stage.webs}
    for _ in range(stage.repetitions):
        for web in stage.webs:
            waits[web.name].append(worst_wait(web, tiny, big) * 1e3)
    what = f"  beside {stage.sizes.page:,} rows: worst wait"
    stage.table.figures(what + ", median", "ms", {name: median(each) for name, each in waits.items()})
    stage.table.figures(what + ", worst", "ms", {name: max(each) for name, each in waits.items()})
    stage.table.goal("worst wait of a tiny question beside a flat read", median(waits["tomgql"]), 100, " ms")


def growth(stage: Stage) -> None:
    """how cost grows with the number of rows"""
    small = stage.sizes.page // 10
    _times(stage, f"{small:,} rows of 8 fields", stage.time(questions.rows(small)), small)
    bare = stage.webs[-1]
    bare.forget_peak()
    once = bare.ask(questions.rows(stage.sizes.points)).seconds
    stage.table.figures(f"{stage.sizes.points:,} rows of 8 fields in one answer", "ms", {bare.name: once * 1e3})
    stage.table.figures("  peak memory", "MB", {bare.name: bare.peak() / MB})
    stage.tomgql.forget_peak()
    walked, seconds = _walk(stage.tomgql, stage.sizes.page)
    what = f"{walked:,} rows, in pages of {stage.sizes.page:,}"
    stage.table.figures(what, "ms", {"tomgql": seconds * 1e3})
    stage.table.figures("", "rows/s", {"tomgql": walked / seconds})
    stage.table.figures("  peak memory", "MB", {"tomgql": stage.tomgql.peak() / MB})


def _walk(web: Web, size: int) -> tuple[int, float]:
    """All pages of the flat list, one after the other: rows, seconds."""
    cursor, rows, seconds = None, 0, 0.0
    while True:
        question = questions.page(size, cursor)
        answer = web.ask(question)
        found = question.found_in(answer.content)
        rows, seconds = rows + len(found["nodes"]), seconds + answer.seconds
        if not found["pageInfo"]["hasNextPage"]:
            return rows, seconds
        cursor = found["pageInfo"]["endCursor"]


def unbounded(stage: Stage) -> None:
    """questions whose answers would hold the whole table"""
    targets = stage.sizes.targets
    for what, question in (
        (f"{stage.sizes.page * 10:,} rows of 8 fields at once", questions.rows(stage.sizes.page * 10)),
        (f"{targets:,} targets x 1,000 points, nested", questions.nested(targets, 1_000)),
        (f"light curves of {targets:,} targets", questions.all_curves(targets)),
    ):
        stage.tomgql.forget_peak()
        answer = stage.tomgql.ask(question)
        stage.table.figures(what, "MB", {"tomgql": _refusal(answer.content) or len(answer.content) / MB})
        stage.table.figures("  peak memory", "MB", {"tomgql": stage.tomgql.peak() / MB})


def _refusal(content: bytes) -> str:
    """Code of the first error of an answer; empty when there is none."""
    if b'"errors":[' not in content[-2_000:]:
        return ""
    return str(orjson.loads(content)["errors"][0]["extensions"]["code"])


def cones(stage: Stage) -> None:
    """cone searches as two people"""
    random = Random(5)
    whole = stage.tomgql.found(questions.cone(0, 90, 648_000))
    worst: dict[str, float] = {}
    for radius in RADII_ARCSEC:
        asked = [_cone_near(random.choice(whole), radius) for _ in range(CONES)]  # type: ignore[arg-type]
        people = {name: stage.asked_as(name) for name in (ADMIN, OBSERVER)}
        times: dict[str, list[float]] = {name: [] for name in people}
        found = [len(question.found_in(people[ADMIN].ask(question).content)) for question in asked]
        for question in asked:
            for name, web in people.items():
                times[name].append(web.ask(question).seconds * 1e3)
        for name, each in times.items():
            p95 = quantiles(each, n=20)[-1]
            worst[name] = max(worst.get(name, 0), p95)
            what = f"cone of {radius:,} arcsec, about {median(found):g} found, {name.split()[1]}"
            stage.table.figures(what, "ms p50", {"tomgql": median(each)})
            stage.table.figures("", "ms p95", {"tomgql": p95})
    for name, each in worst.items():
        what = f"cone search over {stage.sizes.cone_targets:,} targets as {name}, p95"
        stage.table.goal(what, each, 20, " ms")


def _cone_near(target: dict[str, dict[str, float]], radius: int) -> Question:
    place = target["coordinates"]
    return questions.cone(place["raDeg"], place["decDeg"], radius)


def _times(stage: Stage, what: str, timed: dict[str, Timing], rows: int) -> None:
    lines: list[tuple[str, str, Callable[[Timing], float]]] = [
        (what, "ms", lambda each: each.seconds * 1e3),
        ("  best of all", "ms", lambda each: min(each.times) * 1e3),
        ("  processor time, web process", "ms", lambda each: each.web_s * 1e3),
        ("  processor time, database", "ms", lambda each: each.database_s * 1e3),
        ("", "rows/s", lambda each: rows / each.seconds),
        ("", "MB", lambda each: each.size / MB),
    ]
    for name, unit, figure in lines:
        stage.table.figures(name, unit, {system: figure(each) for system, each in timed.items()})


def _statements(stage: Stage, question: Question) -> dict[str, float]:
    return {web.name: asyncio.run(statements(stage.database.url, web, question)) for web in stage.webs}


ALL: list[Callable[[Stage], None]] = [memory, answers, flat, nested, light_curve, isolation, growth, unbounded]
"""In the order of the table; memory first, while the processes are fresh."""
