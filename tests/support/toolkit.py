"""A TOM Toolkit sender on the wire: what tom_base of either release sends, recorded between running TOMs."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.client import TLS, Client
from tests.support.people import Person

JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
"""Headers of all its JSON calls, those of a GET as well."""

NULLS = (
    "parallax", "pm_ra", "pm_dec", "galactic_lng", "galactic_lat", "distance", "distance_err", "epoch_of_elements",
    "inclination", "lng_asc_node", "arg_of_perihelion", "eccentricity", "mean_anomaly", "semimajor_axis",
    "mean_daily_motion", "perihdist", "epoch_of_perihelion", "ephemeris_period", "ephemeris_period_err",
    "ephemeris_epoch", "ephemeris_epoch_err", "abs_mag", "slope",
)  # fmt: skip


def target_body(name: str, /, *, release: int = 3, **given: Any) -> dict[str, Any]:
    """The body of a POST api/targets/, as a sender's serializer writes it."""
    body = {
        "id": 4,
        "targetextra_set": [{"id": 9, "key": "redshift", "value": "0.03"}],
        "aliases": [{"id": 77, "name": f"{name} alias"}],
        "name": name,
        "type": "SIDEREAL",
        "created": "2026-11-02T10:20:30.123456Z",
        "modified": "2026-11-02T10:20:30.123456Z",
        "permissions": "PRIVATE",
        "ra": 11.0,
        "dec": 12.0,
        "epoch": 2000.0,
        **dict.fromkeys(NULLS),
        "scheme": "",
        "groups": [],
        "target_lists": [{"name": "Imported From Sender"}],
    }
    shared = {"shared_by": "admin", "shared_from": "Sender"} if release == 3 else {}
    return {**body, **shared, **given}


def datum_body(target: int, value: Any, *, data_type: str = "photometry", **given: Any) -> dict[str, Any]:
    """The body of a POST api/reduceddatums/, as both releases write it around the value."""
    return {
        "data_product": None,
        "data_type": data_type,
        "source_name": "Sender",
        "source_location": "ReducedDatum shared from <Sender.url>/api/reduceddatums/15/",
        "timestamp": "2023-05-19T04:48:00Z",
        "value": value,
        "target": target,
        **given,
    }


class Sender:
    """Calls as `requests` makes them, with HTTP Basic; it follows no redirect, of which none may come."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self.login = (username, password)

    @classmethod
    def of(cls, client: Client, username: str) -> Sender:
        """In the name of the holder of a client's token."""
        return cls(client.url, username, client.token or "")

    @classmethod
    def as_person(cls, person: Person) -> Sender:
        """In the name of a person."""
        return cls.of(person.client, person.username)

    async def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One call; ``path`` as it stands in the address, unescaped but for blanks."""
        async with httpx.AsyncClient(timeout=60, verify=TLS) as http:
            return await http.request(method, f"{self.url}/{path}", auth=self.login, **given)

    async def get(self, path: str) -> Any:
        """The JSON of a GET that is answered by 200."""
        response = await self.send("GET", path, headers=JSON_HEADERS)
        assert response.status_code == 200, response.text
        return response.json()

    async def find(self, names: str) -> list[int]:
        """The keys that ``name_fuzzy`` finds."""
        found = await self.get(f"api/targets/?name_fuzzy={names.replace(' ', '%20')}")
        return [row["id"] for row in found["results"]]

    async def post(self, path: str, body: Any) -> httpx.Response:
        """POST of JSON."""
        return await self.send("POST", path, json=body, headers=JSON_HEADERS)

    async def patch(self, path: str, body: Any) -> httpx.Response:
        """PATCH of JSON."""
        return await self.send("PATCH", path, json=body, headers=JSON_HEADERS)

    async def share_target(self, name: str, **given: Any) -> int:
        """A target that is taken; its key here."""
        response = await self.post("api/targets/", target_body(name, **given))
        assert response.status_code == 201, response.text
        key: int = response.json()["id"]
        return key
