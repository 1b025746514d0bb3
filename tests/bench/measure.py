"""Web processes under measurement: starting them, asking them over one kept connection, their times and memory."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg
import orjson

from tests.bench.questions import Question
from tomgql.embedded.directory import LOOPBACK, free_port
from tomgql.embedded.processes import marked_processes
from tomgql.supervision import PARENT_VARIABLE

START_LIMIT_S = 60.0
"""Longest start of a web process."""

ANSWER_LIMIT_S = 120.0
"""Longest wait for an answer."""

IDLE_LIMIT_S = 3.0
"""Silence after which a connection is made anew before the clock starts: uvicorn hangs up after 5 s."""

SERIES_LIMIT_S = 60.0
"""Time after which a series of repetitions ends early."""

FEWEST_ROUNDS = 3
"""Rounds of a series that are counted however long they take."""


@dataclass(frozen=True)
class Answer:
    """One answer: seconds from the first byte sent to the last received, status, body."""

    seconds: float
    status: int
    content: bytes


@dataclass(frozen=True)
class Timing:
    """A series of answers to one question: their times, and the mean processor time of the web process and of the
    database, in seconds; the answer's size in bytes."""

    times: list[float]
    web_s: float
    database_s: float
    size: int

    @property
    def seconds(self) -> float:
        """The median time."""
        return median(self.times)


class Web:
    """One web process and a connection to it; asked in GraphQL, as the owner of ``token``."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int, token: str | None = None) -> None:
        self.name, self.process, self.port, self.token = name, process, port, token
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_LIMIT_S)
        self._used = 0.0

    def signed_in(self, token: str | None) -> Web:
        """The same process over another connection, asked as somebody else."""
        return type(self)(self.name, self.process, self.port, token)

    def ask(self, question: Question) -> Answer:
        """Ask and wait for the whole answer."""
        method, path, body, headers = self._request(question)
        if time.perf_counter() - self._used > IDLE_LIMIT_S:
            self._connection.close()
            self._connection.connect()
        start = time.perf_counter()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        self._used = time.perf_counter()
        return Answer(self._used - start, response.status, content)

    def _request(self, question: Question) -> tuple[str, str, bytes | None, dict[str, str]]:
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return "POST", "/graphql", question.body(), headers

    def found(self, question: Question) -> object:
        """The answer's content, parsed, the same from every kind of server; fails on errors."""
        return question.found_in(self.ask(question).content)

    # ------------------------------------------------------------------ memory in bytes, processor time
    def resident(self) -> int:
        """Memory that the process holds now."""
        return self._memory("VmRSS")

    def peak(self) -> int:
        """Most memory that the process held since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Begin to look for the peak anew (proc(5): 5 in clear_refs resets VmHWM)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _memory(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))

    # ------------------------------------------------------------------ life
    def wait_until_it_answers(self, question: Question) -> None:
        """Wait for the start; fails when the process ends or takes too long."""
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            assert self.process.poll() is None, f"{self.name} ended with status {self.process.returncode}."
            assert time.monotonic() < deadline, f"{self.name} does not answer on port {self.port}."
            try:
                self.found(question)
                return
            except OSError:
                self._connection.close()
                time.sleep(0.1)

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class BareWeb(Web):
    """The bare endpoint: asked by path."""

    def _request(self, question: Question) -> tuple[str, str, bytes | None, dict[str, str]]:
        return "GET", question.bare, None, {}

    def found(self, question: Question) -> object:
        """See Web."""
        answer = self.ask(question)
        assert answer.status == 200, f"{self.name} answered {answer.status}."
        return orjson.loads(answer.content)


def start(module: str, *arguments: str, **environment: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start `python -m module` with a free port as its last argument; it ends when we do."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments, str(port)],
        env={**os.environ, **environment, PARENT_VARIABLE: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    return process, port


class Series:
    """Repetitions of one question to one process, with the processor time that they take.

    Unlike the time on the clock, processor time hardly changes when others keep the machine busy.
    """

    def __init__(self, web: Web, question: Question, database: str) -> None:
        self.web, self.question, self.database = web, question, database
        self.times: list[float] = []
        self.web_s = self.database_s = 0.0
        self.size = len(_answered(web, question).content)  # also warms up

    def ask(self) -> None:
        """Ask once more."""
        pids = marked_processes(self.database)
        web_s, database_s = processor_s([self.web.process.pid]), processor_s(pids)
        self.times.append(_answered(self.web, self.question).seconds)
        self.web_s += processor_s([self.web.process.pid]) - web_s
        self.database_s += processor_s(pids) - database_s

    def timing(self) -> Timing:
        """What came of it."""
        count = len(self.times)
        return Timing(self.times, self.web_s / count, self.database_s / count, self.size)


def processor_s(pids: list[int]) -> float:
    """Processor time that these processes have used, in seconds."""
    ticks = 0
    for pid in pids:
        with suppress(FileNotFoundError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # utime and stime (proc(5))
    return ticks / os.sysconf("SC_CLK_TCK")


def alternately(webs: list[Web], question: Question, repetitions: int, database: str) -> dict[str, Timing]:
    """Ask each in turn, so often. ``database`` is the mark of the database's processes."""
    series = [Series(web, question, database) for web in webs]
    started = time.monotonic()
    for count in range(repetitions):
        if count >= FEWEST_ROUNDS and time.monotonic() - started > SERIES_LIMIT_S:
            break
        for each in series:
            each.ask()
    return {each.web.name: each.timing() for each in series}


def _answered(web: Web, question: Question) -> Answer:
    answer = web.ask(question)
    assert answer.status == 200, f"{web.name} answered {answer.status}: {answer.content[:500]!r}"
    assert not answer.content.startswith((b'{"data":null', b'{"errors"')), f"{web.name}: {answer.content[:500]!r}"
    return answer


def worst_wait(web: Web, tiny: Question, big: Question) -> float:
    """Longest time in seconds that a tiny question takes while a big one is being answered."""
    beside = web.signed_in(web.token)
    beside.ask(tiny)
    thread = threading.Thread(target=web.ask, args=(big,))
    thread.start()
    worst = 0.0
    while thread.is_alive():
        worst = max(worst, beside.ask(tiny).seconds)
    return worst


async def statements(database_url: str, web: Web, question: Question) -> int:
    """SQL statements that one warm request makes, without asyncpg's clearing of a connection it takes back."""
    web.ask(question)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("create extension if not exists pg_stat_statements")
        await connection.execute("select pg_stat_statements_reset()")
        web.ask(question)
        return int(await connection.fetchval(COUNT))
    finally:
        await connection.close()


COUNT = (
    "select coalesce(sum(calls), 0)::int from pg_stat_statements where query not like '%pg_stat_statements%'"
    " and query not like '%pg_advisory_unlock_all%' and dbid = (select oid from pg_database where datname ="
    " current_database())"
)
