"""ATLAS forced photometry: a queue of tasks at https://fallingstar-data.com/forcedphot.

Exchange (the service's own documentation and server source, github.com/lukeshingles/atlasserver): POST ``queue/``
answers 201 with the task and its address, which is asked until ``finishtimestamp`` is set; then ``result_url`` is the
text, or ``error_msg`` says why there is none, which "No data returned" of an empty light curve does too. Without
``mjd_min`` only the last month comes. Proper motions are in mas/yr. ``comment`` is kept with a task: it tells, after a
crash, whether ours was submitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from tomgql.builtin.surveys.answers import require
from tomgql.builtin.surveys.names import file_stem
from tomgql.errors import TomError, UpstreamBusy, UpstreamRefused
from tomgql.plugins.surveys import (
    MAIN,
    Answer,
    Going,
    Later,
    Parameters,
    Result,
    State,
    Step,
    SurveyFile,
    SurveyQuery,
    SurveyTarget,
)

FIRST_MJD = 57_000.0
"""Before the first ATLAS exposure (2015)."""

SHORTEST_POLL_S, LONGEST_POLL_S = 10.0, 120.0
"""Pauses between two looks at a task; they grow while it waits."""

FULL_QUEUE_S = 600.0
"""Pause when our account has too many tasks in the queue."""

_NO_DATA = "no data returned"


class AtlasParameters(Parameters):
    """What to ask ATLAS for."""

    mjd_min: float = Field(
        FIRST_MJD, ge=50_000, le=100_000, description="First day, MJD (UTC); the whole survey when not given."
    )
    mjd_max: float | None = Field(
        None, ge=50_000, le=100_000, description="Last day, MJD (UTC); until now when not given."
    )
    use_reduced: bool = Field(False, description="Photometry of reduced instead of difference images.")
    mpc_name: str | None = Field(
        None, min_length=1, max_length=100, pattern=r"^[^'\";\p{C}]+$",
        description="Name of a minor planet as the Minor Planet Center has it; of a moving target its own when not"
        " given.",
    )  # fmt: skip
    good_fits_only: bool = Field(False, description="Leave out points whose fit is flagged; counted in the notes.")
    max_chi_n: float | None = Field(None, gt=0, description="Leave out points of a larger chi/N; counted in the notes.")


class AtlasService:
    """Forced photometry at one position, or of one minor planet."""

    name: ClassVar[str] = "atlas"
    title: ClassVar[str] = "ATLAS forced photometry"
    description: ClassVar[str] = (
        "Forced photometry of the ATLAS survey in its c and o bands since 2015, of difference or reduced images."
    )
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://fallingstar-data.com/forcedphot"}
    credentials: ClassVar[tuple[str, ...]] = ("token",)
    parameters: ClassVar[type[Parameters]] = AtlasParameters
    requests_per_minute: ClassVar[float] = 60.0
    time_limit_s: ClassVar[float] = 2 * 86_400.0

    def refusal(self, target: SurveyTarget, parameters: AtlasParameters) -> str | None:
        """A position or a name is needed, and a first day before the last."""
        if parameters.mjd_max is not None and parameters.mjd_max <= parameters.mjd_min:
            return f"mjd_max ({parameters.mjd_max:g}) must be later than mjd_min ({parameters.mjd_min:g})."
        if target.type == "SIDEREAL" and parameters.mpc_name is not None:
            return "mpc_name is for moving targets; this one is asked for by its position."
        if target.type == "SIDEREAL" and target.ra_deg is None:
            return "the target has no position."
        return None

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """Submit, look at the task, fetch, delete: one of them."""
        if "message" in state:
            return await _tidy(query, state)
        if "result" in state:
            return await _fetch(query, state)
        if "task" in state:
            return await _look(query, state)
        return await _submit(query, state)

    async def withdraw(self, query: SurveyQuery, state: State) -> None:
        """Delete the task, if there is one."""
        task = state.get("task") or await _find(query)
        if task is not None:
            require(await _ask(query, "DELETE", task), (200, 202, 204, 303, 404), html=True)


async def _submit(query: SurveyQuery, state: State) -> Step:
    task = await _find(query) if query.interrupted else None
    if task is None:
        answer = await _ask(query, "POST", f"{query.address}/queue/", form=_form(query))
        if answer.status == 400 and "too many queued tasks" in answer.text:
            raise UpstreamBusy("our account has too many tasks in its queue.", seconds=FULL_QUEUE_S)
        task = str(_task(require(answer, (201,)))["url"])
    return Later(SHORTEST_POLL_S, "ATLAS has taken the task.", {**state, "task": task}, 0.05)


def _form(query: SurveyQuery) -> dict[str, Any]:
    target, asked = query.target, query.parameters
    form: dict[str, Any] = {
        "mjd_min": asked.mjd_min, "mjd_max": asked.mjd_max, "use_reduced": asked.use_reduced, "send_email": False,
        "comment": query.key,
    }  # fmt: skip
    if target.type != "SIDEREAL":
        form["mpc_name"] = asked.mpc_name or target.names[0]
    else:
        form |= {"ra": target.ra_deg, "dec": target.dec_deg} | _motion(target)
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in form.items()
            if value is not None}  # fmt: skip


def _motion(target: SurveyTarget) -> dict[str, float]:
    motion = target.proper_motion_ra_mas_yr, target.proper_motion_dec_mas_yr
    if not any(motion):
        return {}
    return {"radec_epoch_year": round(target.epoch or 2000.0, 1), "propermotion_ra": motion[0] or 0.0,
            "propermotion_dec": motion[1] or 0.0}  # fmt: skip


async def _find(query: SurveyQuery) -> str | None:
    """The address of our own task, if the service has it: among the latest hundred of our account."""
    params = {"ordering": "-id", "pagesize": 100}
    body = require(await _ask(query, "GET", f"{query.address}/queue/", params=params)).json()
    tasks = body.get("results", []) if isinstance(body, dict) else []
    return next((str(task["url"]) for task in tasks if task.get("comment") == query.key), None)


async def _look(query: SurveyQuery, state: State) -> Step:
    answer = await _ask(query, "GET", state["task"])
    if answer.status == 404:
        if state.get("lost"):
            raise UpstreamRefused("It has lost the task twice.")
        return Going({"lost": True}, "ATLAS has lost the task; it is submitted again.")
    task = _task(require(answer))
    if task.get("finishtimestamp"):
        return _finished(state, task)
    looks = int(state.get("looks", 0)) + 1
    pause_s = min(SHORTEST_POLL_S * 1.2**looks, LONGEST_POLL_S)
    if task.get("starttimestamp"):
        return Later(SHORTEST_POLL_S, "ATLAS is working on it.", {**state, "looks": 0}, 0.5)
    place = task.get("queuepos")
    where = "it is next" if place == 0 else f"{place} before it" if isinstance(place, int) else "its place is not known"
    return Later(pause_s, f"In the queue of ATLAS: {where}.", {**state, "looks": looks}, 0.1)


def _finished(state: State, task: Mapping[str, Any]) -> Step:
    fault = str(task.get("error_msg") or "")
    if _NO_DATA in fault.lower():
        return Going({"task": state["task"], "message": "ATLAS has no data of this place and time."}, "", 0.9)
    if fault:
        raise UpstreamRefused(f"The task failed at ATLAS: {fault[:500]}")
    if not task.get("result_url"):
        raise UpstreamRefused("ATLAS says that the task is finished but not where its result is.")
    return Going({"task": state["task"], "result": str(task["result_url"])}, "Fetching the result.", 0.8)


async def _fetch(query: SurveyQuery, state: State) -> Step:
    text = require(await _ask(query, "GET", state["result"])).text
    lines = text.splitlines()
    if not lines or "MJD" not in lines[0]:
        raise UpstreamRefused(f'The result of ATLAS is no light curve; it begins with "{text[:100]}".')
    rows = sum(bool(line.strip()) for line in lines[1:])
    after = {"task": state["task"], "message": f"{rows} rows from ATLAS." if rows else "ATLAS has no data."}
    return Result((_file(query, state, text),) if rows else (), state=after)


def _file(query: SurveyQuery, state: State, text: str) -> SurveyFile:
    asked, task_id = query.parameters, state["task"].rstrip("/").rpartition("/")[2]
    chosen = {"good_fits_only": asked.good_fits_only or None, "max_chi_n": asked.max_chi_n}
    return SurveyFile(
        name=f"atlas_{file_stem(query.target)}_{task_id}.txt",
        content=text.encode(),
        processor="atlas",
        options={name: value for name, value in chosen.items() if value} | {"difference": not asked.use_reduced},
        address=state["result"],
        remote_id=task_id,
    )


async def _tidy(query: SurveyQuery, state: State) -> Step:
    """Delete the task. What it gave is stored, so nothing that goes wrong here matters: it is swept after a month."""
    try:
        require(await _ask(query, "DELETE", state["task"]), (200, 202, 204, 303, 404), html=True)
    except TomError as error:
        return Result((), f"{state['message']} Its task could not be deleted there: {error.message}")
    return Result((), state["message"])


async def _ask(query: SurveyQuery, method: str, address: str, **sent: Any) -> Answer:
    headers = {"Accept": "application/json, text/plain", "Authorization": f"Token {query.credentials['token']}"}
    return await query.http.request(method, address, headers=headers, **sent)


def _task(answer: Answer) -> Mapping[str, Any]:
    task = answer.json()
    if not isinstance(task, dict) or not isinstance(task.get("url"), str):
        raise UpstreamRefused(f"The answer of ATLAS is no task: {answer.text[:200]}")
    return task
