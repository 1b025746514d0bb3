"""A double of ATLAS forced photometry: submission as recorded, the rest as its server's source has it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.files import DATA
from tests.support.survey_doubles import Heard, ServiceDouble

RECORDED_TASK = {
    "id": 152047, "user_id": 217, "username": "observer", "timestamp": "2022-01-13T16:01:47+00:00", "mpc_name": None,
    "ra": 0.0, "dec": 0.0, "mjd_min": 59227.66742310562, "mjd_max": 59592.66742310584, "radec_epoch_year": None,
    "propermotion_ra": None, "propermotion_dec": None, "use_reduced": False, "finished": False, "result_url": None,
    "comment": None, "send_email": False, "starttimestamp": None, "finishtimestamp": None, "error_msg": None,
    "previewimage_url": None, "parent_task_id": None, "parent_task_url": None, "request_type": "FP",
    "pdfplot_url": None, "queuepos": None, "imagerequest_task_id": None, "imagerequest_url": None,
    "imagerequest_finished": None, "result_imagezip_url": None,
}  # fmt: skip
"""The fields of a task, as they were recorded in 2022."""

TOKEN = "0123456789abcdef-atlas"
LIGHT_CURVE = "atlas_fp_job01088.txt"


@dataclass
class AtlasDouble(ServiceDouble):
    """A queue of tasks, each looked at a few times before it is done."""

    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    submitted: int = 0
    looks_until_done: int = 3
    error_msg: str | None = None
    result: bytes = b""

    async def answer(self, heard: Heard) -> web.StreamResponse:
        if heard.headers.get("Authorization") != f"Token {TOKEN}":
            return web.json_response({"detail": "Invalid token."}, status=401)
        path = heard.path.removeprefix("/forcedphot")
        if path == "/queue/":
            return self._submitted(heard.form) if heard.method == "POST" else self._listed()
        if path.startswith("/static/"):
            return web.Response(body=self.result or (DATA / LIGHT_CURVE).read_bytes(), content_type="text/plain")
        number = int(path.strip("/").rpartition("/")[2])
        if number not in self.tasks:
            return web.json_response({"detail": "Not found."}, status=404)
        if heard.method == "DELETE":
            del self.tasks[number]
            return web.Response(status=204)
        return web.json_response(self._looked_at(number))

    def _submitted(self, form: dict[str, str]) -> web.Response:
        number = 152047 + self.submitted
        self.submitted += 1
        url = f"{self.address}/forcedphot/queue/{number}/"
        self.tasks[number] = {**RECORDED_TASK, **form, "id": number, "url": url, "looks": 0}
        return web.json_response(self.tasks[number], status=201, headers={"Location": url})

    def _listed(self) -> web.Response:
        listed = sorted(self.tasks.values(), key=lambda task: -task["id"])
        return web.json_response({"next": None, "previous": None, "taskcount": len(listed), "results": listed})

    def _looked_at(self, number: int) -> dict[str, Any]:
        task = self.tasks[number]
        task["looks"] += 1
        if task["looks"] < self.looks_until_done - 1:
            task["queuepos"] = self.looks_until_done - task["looks"]
        elif task["looks"] == self.looks_until_done - 1:
            task |= {"queuepos": None, "starttimestamp": "2022-01-13T16:02:47+00:00"}
        else:
            result = None if self.error_msg else f"{self.address}/forcedphot/static/results/job{number}.txt"
            task |= {"finishtimestamp": "2022-01-13T16:03:47+00:00", "finished": True, "error_msg": self.error_msg,
                     "result_url": result, "waittime": 60.0, "runtime": 60.0}  # fmt: skip
        return json.loads(json.dumps(task))
