"""A small sky full of awkward content, written by SQL, and the actors that look at it.

Null and equal sort keys, fluxes below and at zero, limits with and without sigma, unknown bands, disabled data,
nested JSON, positions at RA 0 and the poles, moving targets, restricted products, jobs about what their creator may
not see, names that need quoting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg

from tomgql.access.principal import ALL_SCOPES, ANONYMOUS, Principal
from tomgql.domain.names import simplify_name
from tomgql.runtime import Runtime

START = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
MJD = 59999.123456789

NAMES = (
    "O\"Hara's star",
    "100% sure_thing",
    "back\\slash\\",
    "Ünïcödé – ☄ 星",
    "AT 2021 (a-b)_c",
    "'; drop table targets; --",
    "{row} $1 %s :x",
    "line\nbreak\ttab",
)

POSITIONS = ((0.0, 0.0), (359.99, 0.0), (0.0, 90.0), (123.4, -90.0), (0.005, -0.005), (180.0, 45.5), (180.0, 45.5))

EXTRAS: tuple[dict[str, Any], ...] = (
    {},
    {"redshift": 0.031, "nested": {"b": [1, None, {"ü": "☃"}], "a": {}}, "on": True, "big": 2**53},
    {'quote"d': "a\\b\n", "tiny": 1e-300, "minus": -0.5, "": ""},
)

PHOTOMETRY: tuple[dict[str, Any], ...] = (
    {
        "band": "sdssr",
        "flux_ujy": 100.0,
        "flux_error_ujy": 5.0,
        "reported_magnitude": 18.9,
        "reported_magnitude_error": 0.05,
    },
    {"band": "ztfr", "flux_ujy": -3.25, "flux_error_ujy": 1.5, "forced": True, "difference": True},
    {"band": "bessellv", "flux_ujy": 0.0, "flux_error_ujy": 2.0},
    {"band": "bessellb", "flux_ujy": 7.7},
    {"band": "bessellv", "flux_ujy": 3.0, "flux_error_ujy": 1.0},
    {"band": "not a band's \\ name", "flux_ujy": 55.5, "flux_error_ujy": 40.0},
    {"band": "unknown", "reported_magnitude": 17.25, "reported_magnitude_error": 0.125},
    {"band": "unknown", "reported_magnitude": 21.0},
    {"band": "sdssg", "limit_flux_ujy": 12.5, "limit_nsigma": 5.0},
    {"band": "bessellv", "limit_flux_ujy": 9.0},
    {"band": "unknown", "reported_limit": 19.5},
    {"band": "sdssg", "flux_error_ujy": 0.3, "limit_flux_ujy": 0.9, "limit_nsigma": 3.0},
    {"band": "sdssi", "flux_ujy": 1e-12, "flux_error_ujy": 1e-9, "exposure_s": 0.0},
    {"band": "2massks", "flux_ujy": 3.5e9, "flux_error_ujy": 0.25, "exposure_s": 30.5},
)

OTHERS: tuple[dict[str, Any], ...] = (
    {
        "data_type": "spectroscopy",
        "wavelength_angstrom": [3000.0, 4000.5, 9000.25],
        "flux_values": [1.0, -2.5e-17, 0.0],
        "flux_error_values": [0.1, None, 0.3],
        "flux_unit": "erg / (s cm2 Angstrom)",
        "medium": "AIR",
        "exposure_s": 1800.0,
    },
    {
        "data_type": "spectroscopy",
        "wavelength_angstrom": [5000.0],
        "flux_values": [None],
        "flux_unit": "unknown",
        "medium": "UNKNOWN",
    },
    {
        "data_type": "spectroscopy",
        "wavelength_angstrom": [],
        "flux_values": [],
        "flux_unit": "Jy",
        "medium": "VACUUM",
    },
    {"data_type": "astrometry", "ra_deg": 0.0, "dec_deg": -90.0, "ra_error_arcsec": 0.05, "observatory_code": "T05"},
    {"data_type": "astrometry", "ra_deg": 359.999999, "dec_deg": 12.5},
    {"data_type": "polarimetry", "reported": {"p": [0.1, {"θ": None}], "note": 'a "b" \\ ü'}},
    {"data_type": "Any other Word", "reported": {}},
)

GONE_PRODUCT = 999_999
"""Key of a data product that is there no more."""

NOTES = (
    {"level": "INFO", "code": "assumed_time_scale", "message": "UTC, \"ü\" 'quoted'", "row": None, "count": 1},
    {"level": "WARNING", "code": "rejected_rows", "message": "", "row": 7, "count": 12},
)


@dataclass
class World:
    """The written content: actors by name, and the public ids of every kind."""

    actors: dict[str, Principal]
    ids: dict[str, list[str]]


class _Writer:
    def __init__(self, tx: asyncpg.Connection) -> None:
        self._tx = tx
        self._numbers, self._targets = count(), count()

    async def add(self, table: str, **values: Any) -> int:
        """Insert one row; its key."""
        names = ", ".join(f'"{name}"' for name in values)
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        key: int = await self._tx.fetchval(
            f"insert into {table} ({names}) values ({places}) returning id", *values.values()
        )
        return key

    async def target(self, name: str, access: str, aliases: tuple[str, ...] = (), **values: Any) -> int:
        moment = START + timedelta(days=next(self._numbers) // 3)
        values = {"created": moment, "modified": START - (moment - START), **values}
        values["global_id"] = UUID(int=(3 * next(self._targets)) << 64)
        key = await self.add("targets", name=name, access=access, **values)
        for n, each in enumerate((name, *aliases)):
            simplified = simplify_name(each)
            await self.add("target_names", target_id=key, name=each, simplified=simplified, is_primary=n == 0)
        return key

    async def product(self, target: int, user: int | None, **values: Any) -> int:
        number = next(self._numbers)
        given = {
            "target_id": target,
            "data_product_type": ("photometry", "spectroscopy", "fits_file")[number % 3],
            "file_name": f"file {number % 2} %_'ü.csv",
            "size_bytes": number * 1000 if number % 4 else 2**31 - 1 + number,
            "sha256": f"{number:064x}",
            "global_id": UUID(int=number << 64),
            "thumbnail_sha256": f"{number:064x}"[::-1] if number % 2 else None,
            "uploaded_by_id": user,
            "featured": number % 2 == 0,
            "created": START + timedelta(microseconds=number // 2),
        }
        return await self.add("data_products", **{**given, **values})

    async def datum(self, target: int, product: int | None, **values: Any) -> int:
        number = next(self._numbers)
        given: dict[str, Any] = {
            "target_id": target,
            "data_product_id": product,
            "data_type": "photometry",
            "identity": UUID(int=number),
            "content": UUID(int=number),
            "global_id": UUID(int=number << 64),
            "mjd": MJD + (number % 5) * 0.25,
            "source_name": ("ATLAS", "ztf", "O'Neil\\", "")[number % 4],
            "telescope": (None, "Faulkes_North", "100%")[number % 3],
            "instrument": (None, "FLOYDS")[number % 2],
            "reported": {"mag": number, "n": {"deep": [None, "ü"]}},
            "disabled": number % 11 == 0,
            "revision": 1 + number % 3,
            "created": START + timedelta(seconds=number // 4),
        }
        if values.get("data_type", "photometry") == "photometry":
            given.update(forced=False, difference=False)
        return await self.add("reduced_data", **{**given, **values})

    async def revisions(self, target: int, datum: int, product: int | None, number: int) -> None:
        """What the datum was before, with another product, as ingest keeps it."""
        for revision in range(1, number + 1):
            await self._tx.execute(
                "insert into reduced_data_revisions (target_id, datum_id, revision, record)"
                " select target_id, id, $3::int, to_jsonb(d) - array['id', 'target_id', 'identity', 'global_id']"
                " || jsonb_build_object('revision', $3::int, 'data_product_id', $4::bigint, 'source_name', 'older')"
                " from reduced_data d where target_id = $1 and id = $2",
                target,
                datum,
                revision,
                product,
            )

    async def recorded_by(self, jobs: list[int]) -> None:
        """Let data and what they were come from jobs, of products and targets of their own and of others, or none."""
        chosen = "(array_append($1::bigint[], null))[1 + ({number}) % (cardinality($1) + 1)]"
        await self._tx.execute(f"update reduced_data set job_id = {chosen.format(number='id')}", jobs)
        older = chosen.format(number="datum_id + revision")
        await self._tx.execute(
            f"update reduced_data_revisions set record = record || jsonb_build_object('job_id', {older})", jobs
        )

    async def asked_for_by(self, jobs: list[int]) -> None:
        """Let every third data product be what a service gave to a job."""
        await self._tx.execute(
            "update data_products set request_job_id = ($1::bigint[])[1 + id % cardinality($1)],"
            " origin = jsonb_build_object('service', 'atlas', 'received', 1.5e0) where id % 3 = 0",
            jobs,
        )

    async def came_by(self, roads: list[int]) -> None:
        """Let some of everything have come from elsewhere."""
        for table in ("targets", "data_products", "reduced_data"):
            await self._tx.execute("set local tomgql.federating = 'on'")
            chosen = "($1::bigint[])[1 + id % cardinality($1)]"
            await self._tx.execute(f"update {table} set road_id = {chosen} where id % 2 = 0", roads)

    async def job(self, **values: Any) -> int:
        given = {"kind": "process_data_product", "created": START + timedelta(hours=next(self._numbers) // 2)}
        return await self.add("jobs", **{**given, **values})


async def make_world(rt: Runtime) -> World:
    """Write everything in one transaction."""
    async with rt.writes.acquire() as connection, connection.transaction():
        return await _write(_Writer(connection))


async def _write(w: _Writer) -> World:
    ids: dict[str, list[str]] = {prefix: [] for prefix in ("t", "p", "pg", "d", "j", "u", "ug", "k")}
    users = {name: await w.add("users", username=name, is_admin=name == "admin") for name in _USERNAMES}
    await w.add("users", username="gone", is_active=False)
    tokens = [
        await w.add("tokens", user_id=key, name=f"{name}'s", secret_sha256=bytes([key] * 32), scopes=["read"])
        for name, key in users.items()
    ]
    groups = [await w.add("user_groups", name=name) for name in ("observers", 'a "group"', "empty")]
    for group, name in ((0, "member"), (0, "admin"), (1, "stranger"), (1, "admin")):
        await w.add("memberships", user_group_id=groups[group], user_id=users[name])
    targets = await _targets(w)
    await w.add("target_grants", target_id=targets[2], user_group_id=groups[0], permissions=["VIEW"])
    await w.add("target_grants", target_id=targets[5], user_id=users["member"], permissions=["VIEW", "CHANGE"])
    observations = [
        await w.add(
            "observations",
            target_id=target,
            facility=("LCO", "O'Neil\\", "100%")[n % 3],
            observation_id=f"request {n // 2}",
            status=("", "COMPLETED")[n % 2],
            parameters={"exposures": [n, None, "ü"]},
            created=START + timedelta(hours=n // 2),
        )
        for n, target in enumerate((*targets[:5], *targets[:4]))
    ]
    products = [
        await w.product(
            target,
            users[uploader],
            observation_id=_of(observations, number),
            notes=list(NOTES[:n]),
            product_id=("id'%" if number == 1 else None),
        )
        for number, (target, uploader, n) in enumerate(
            (target, uploader, n)
            for target in targets[:6]
            for uploader, n in (("member", 0), ("admin", 1), ("stranger", 2))
        )
    ]
    product_groups = [
        await w.add("data_product_groups", name=name, created_by_id=users[maker])
        for name, maker in (("for observers", "admin"), ("no user groups", "member"), ("for strangers'", "stranger"))
    ]
    for group, user_group in ((0, 0), (2, 1)):
        await w.add("data_product_group_user_groups", group_id=product_groups[group], user_group_id=groups[user_group])
    for group, chosen in ((0, products[::4]), (1, products[::5]), (2, products[1::7])):
        for product in chosen:
            await w.add("data_product_group_products", group_id=product_groups[group], data_product_id=product)
    lists = [
        await w.add("target_lists", name=name, created_by_id=users[maker])
        for name, maker in (("100% of _them_", "admin"), ("empty", "member"), ("some", "stranger"))
    ]
    for target_list, chosen in ((0, targets), (2, targets[1::3])):
        for target in chosen:
            await w.add("target_list_members", target_list_id=lists[target_list], target_id=target)
    for number, target in enumerate(targets[:6]):
        mine = products[number * 3 : number * 3 + 3]
        for n, values in enumerate((*PHOTOMETRY, *OTHERS)):
            datum = await w.datum(target, (None, *mine)[(n + number) % 4], **values, revision=1 + n % 3)
            ids["d"].append(f"d{target}-{datum}")
            came_from = GONE_PRODUCT if n % 7 == 2 else (None, *mine)[(n + number + 1) % 4]
            await w.revisions(target, datum, came_from, n % 3)
    jobs = await _jobs(w, users, targets, products)
    await w.recorded_by(jobs)
    await w.asked_for_by(jobs)
    ids["j"] = [f"j{job}" for job in jobs]
    ids["l"] = [f"l{key}" for key in lists]
    rules = [
        await w.add("harvest_rules", service="atlas", parameters={"mjd_min": 59000.5 + number}, every_days=0.5 + number,
                    enabled=number % 2 == 0, message=f"rule {number}", created_by_id=users[maker],
                    target_id=targets[number] if number < 6 else None,
                    target_list_id=lists[number - 6] if number >= 6 else None)
        for number, maker in enumerate(("admin", "member", "stranger") * 3)
    ]  # fmt: skip
    ids["h"] = [f"h{key}" for key in rules]
    await _shares(w, users, targets, lists, ids)
    ids["ps"] = [f"ps{key}" for key in await _peers(w, users["admin"], lists[0])]
    ids["o"] = [f"o{key}" for key in observations]
    for prefix, keys in (("t", targets), ("p", products), ("pg", product_groups), ("ug", groups), ("k", tokens)):
        ids[prefix] = [f"{prefix}{key}" for key in keys]
    ids["u"] = [f"u{key}" for key in users.values()]
    return World(_actors(users), ids)


def _of(observations: list[int], number: int) -> int | None:
    """The first observation of the target for the first product of each of five targets."""
    return observations[number // 3] if number % 3 == 0 and number < 15 else None


async def _shares(
    w: _Writer, users: dict[str, int], targets: list[int], lists: list[int], ids: dict[str, list[str]]
) -> None:
    """Shares of three people with items in every state; continuous ones of targets and lists, some behind."""
    makers, states = ("admin", "member", "stranger"), ("QUEUED", "SENT", "FAILED", "REFUSED")
    kinds = ("target", "data_product", "reduced_datum")
    ids["s"], ids["si"], ids["cs"] = [], [], []
    for number, maker in enumerate(makers * 2):
        job = await w.job(kind="share", created_by_id=users[maker])
        share = await w.add("shares", destination=f"place{number}", message="ü", request={}, job_id=job, items=number,
                            unchanged=number % 2, created_by_id=users[maker])  # fmt: skip
        ids["s"].append(f"s{share}")
        for n in range(number):
            item = await w.add("share_ledger", destination=f"place{number}", subject_kind=kinds[n % 3], job_id=job,
                               subject_global_id=UUID(int=n), target_id=targets[n], subject_id=n + 1,
                               state=states[(n + number) % 4], answer=None if n % 2 else "no", attempts=n,
                               remote_id=f"r{n}")  # fmt: skip
            ids["si"].append(f"si{item}")
        of_list = {"target_list_id": lists[number % 3]} if number % 2 else {"target_id": targets[number]}
        rule = await w.add("continuous_shares", destination=f"place{number}", place=number, job_id=job, **of_list,
                           options={"n": number}, paused=number > 3, created_by_id=users[maker])  # fmt: skip
        ids["cs"].append(f"cs{rule}")
    for number, target in enumerate(targets[:6] * 2):
        data = {"topic": "reduced_data", "data_ids": [number]} if number % 3 else {"topic": "targets"}
        await w.add("events", change="REVISED", target_id=target, **data)


async def _peers(w: _Writer, maker: int, target_list: int) -> list[int]:
    """Subscriptions to other servers, refusals of theirs, and what came from two of them."""
    peers = []
    for number in range(4):
        given = {"name": f"peer{number}", "address": f"https://peer{number}.example", "token": b"sealed", "where": {}}
        given["state"] = ("STARTING", "FOLLOWING", "REFUSED", "COPYING")[number]
        more = {"instance_id": UUID(int=number << 96)} if number else {"target_list_id": target_list}
        peers.append(await w.add("peer_subscriptions", **given, **more, created_by_id=maker, message="ü"))
        for refused in range(number):
            await w.add("peer_refusals", peer_subscription_id=peers[-1], kind="target", name=f"no {refused}",
                        global_id=UUID(int=refused << 64), message="Names of several.",
                        created=START + timedelta(seconds=refused))  # fmt: skip
    roads = [await w.add("roads", path=[UUID(int=each << 96) for each in path]) for path in ((1,), (2, 1), (3, 2))]
    await w.came_by(roads)
    return peers


_USERNAMES = ("stranger", "member", "admin", "ü%_'")


async def _targets(w: _Writer) -> list[int]:
    accesses = ("OPEN", "PUBLIC", "PRIVATE")
    targets = []
    for n, (name, (ra, dec)) in enumerate(zip(NAMES, (*POSITIONS, (271.0, -30.0)), strict=True)):
        numbers = {"epoch": 2000.0, "parallax_mas": -0.1, "distance_pc": 1e9} if n % 2 else {}
        targets.append(
            await w.target(
                name,
                accesses[n % 3],
                (f"alias {n} of %_\\'\"", f"ä{n}") if n % 2 else (),
                type="SIDEREAL",
                ra_deg=ra,
                dec_deg=dec,
                extras=EXTRAS[n % 3],
                **numbers,
            )
        )
    orbit = {
        "type": "NON_SIDEREAL",
        "epoch_of_elements_mjd": 60000.0,
        "inclination_deg": 10.59,
        "ascending_node_longitude_deg": 80.3,
        "perihelion_argument_deg": 73.6,
        "eccentricity": 0.0,
    }
    minor = {"scheme": "MPC_MINOR_PLANET", "mean_anomaly_deg": 0.0, "semimajor_axis_au": 2.77, "slope": 0.12}
    comet = {"scheme": "MPC_COMET", "perihelion_distance_au": 0.9, "perihelion_epoch_mjd": 60100.5}
    targets.append(await w.target("1 Ceres", "OPEN", **orbit, **minor))
    targets.append(await w.target("C/2023 A3", "PUBLIC", **orbit, **comet, ra_deg=10.0))
    older = START - timedelta(days=400)
    targets.append(await w.target("2P", "PRIVATE", **orbit, **comet, ra_deg=10.0, dec_deg=-5.0, created=older))
    return targets


async def _jobs(w: _Writer, users: dict[str, int], targets: list[int], products: list[int]) -> list[int]:
    member, admin = users["member"], users["admin"]
    failed = {"state": "FAILED", "error_code": "UNREADABLE_FILE", "error_message": "no 'time'", "finished": START}
    found = {"processor": "photometry", "version": "1", "created": 5, "ü": [None]}
    done = {"state": "SUCCEEDED", "result": found, "progress": 1.0, "finished": START}
    asked = {"data_product_id": 1, "processor": "ecsv", "options": {"flux_unit": "mJy", "ü": [None]}}
    waiting = {"state": "WAITING", "waiting_until": START, "progress": 1 / 3, "message": 'later "ü"'}
    return [
        await w.job(created_by_id=member, target_id=targets[0], data_product_id=products[0], **done),
        await w.job(created_by_id=admin, target_id=targets[0], data_product_id=products[0], spec=asked, **failed),
        await w.job(created_by_id=admin, target_id=targets[1], data_product_id=products[4], started=START, **waiting),
        await w.job(created_by_id=None, target_id=targets[5], kind="query_survey", spec=asked),
        await w.job(created_by_id=member, kind="share", attempts=3, **{**failed, "error_retryable": True}),
        await w.job(created_by_id=member, target_id=targets[7]),
        await w.job(created_by_id=users["stranger"], target_id=targets[5], data_product_id=products[15]),
        await w.job(
            created_by_id=admin,
            target_id=targets[0],
            data_product_id=products[0],
            kind="preview_data_product",
            **{**done, "spec": {**asked, "processor": None}},
        ),
    ]


def _actors(users: dict[str, int]) -> dict[str, Principal]:
    signed_in = {
        name: Principal(users[name], name, is_admin=name == "admin", scopes=ALL_SCOPES)
        for name in ("stranger", "member", "admin")
    }
    return {"anonymous": ANONYMOUS, **signed_in}
