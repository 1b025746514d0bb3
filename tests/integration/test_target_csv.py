"""Targets as CSV: what TOM Toolkit and spreadsheets write is read, and what is written reads back the same."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.conftest import TEMPLATE
from tests.support.client import TLS, Client
from tests.support.people import Person, make_person
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site, running_site
from tomgql.settings import Settings
from tomgql.store.schema import with_database

IMPORT = """
mutation ($file: Upload!, $dryRun: Boolean) {
  importTargets(file: $file, dryRun: $dryRun) {
    created revised unchanged rejected ids rows { row outcome code message field id } errors { code message path }
  }
}
"""
READ = """
query { targets(first: 1000) { nodes {
  name aliases type access extras distancePc distanceErrorPc targetLists { name }
  coordinates { raDeg decDeg epoch parallaxMas properMotionRaMasYr properMotionDecMasYr }
  orbit { scheme epochOfElementsMjd inclinationDeg ascendingNodeLongitudeDeg perihelionArgumentDeg eccentricity
    meanAnomalyDeg semimajorAxisAu meanDailyMotionDeg perihelionDistanceAu perihelionEpochMjd absoluteMagnitude slope }
} } }
"""
LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } errors { code } } }"
NUMBERS = itertools.count()
HEADINGS = "name,type,ra,dec"


async def send(client: Client, content: bytes, **variables: Any) -> dict[str, Any]:
    parts = {
        "operations": (None, json.dumps({"query": IMPORT, "variables": {"file": None, **variables}})),
        "map": (None, json.dumps({"0": ["variables.file"]})),
        "0": ("targets.csv", content),
    }
    async with httpx.AsyncClient(timeout=60, verify=TLS) as http:
        answer: dict[str, Any] = (await http.post(f"{client.url}/graphql", files=parts, headers=client.headers)).json()
    return answer


async def bring(person: Person, text: str | bytes, **variables: Any) -> dict[str, Any]:
    answer = await send(person.client, text.encode() if isinstance(text, str) else text, **variables)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["importTargets"]
    return payload


def counts(payload: dict[str, Any]) -> tuple[int, int]:
    assert (payload["errors"], payload["revised"], payload["unchanged"]) == ([], 0, 0)
    return payload["created"], payload["rejected"]


def rejected(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(row["row"], row["code"], row["field"]) for row in payload["rows"] if row["outcome"] == "REJECTED"]


async def every_target(client: Client) -> dict[str, Any]:
    nodes = (await client.query(READ))["targets"]["nodes"]
    return {node["name"]: node for node in nodes}


async def exported(client: Client, query: str = "") -> list[list[str]]:
    response = await client.get(f"/export/targets.csv{query}")
    assert response.status_code == 200, response.text
    return list(csv.reader(io.StringIO(response.text, newline="")))


async def rows_of_targets(site: Site) -> int:
    return int(await site.rt.writes.fetchval("select count(*) from targets"))


async def test_a_file_of_tom_toolkit(site: Site, admin: Person) -> None:
    owner = await make_person(site, "toolkit")
    text = (
        "name,type,created,modified,permissions,ra,dec,epoch,parallax,pm_ra,pm_dec,galactic_lng,galactic_lat,distance,"
        "distance_err,scheme,epoch_of_elements,mean_anomaly,arg_of_perihelion,eccentricity,lng_asc_node,inclination,"
        "mean_daily_motion,semimajor_axis,epoch_of_perihelion,ephemeris_period,ephemeris_period_err,ephemeris_epoch,"
        "ephemeris_epoch_err,perihdist,abs_mag,slope,class,redshift,name2,name3,groups\r\n"
        'Messier 1,SIDEREAL,2024-01-01,2024-01-01,OPEN,83.633,22.0145,2000.0,0.5,-14.7,2.0,184.55,-5.78,2000,500,'
        ',,,,,,,,,,,,,,,,,"SNR, plerion",0.031,M 1,Crab Nebula,"Messier, Best of"\r\n'
        "Messier 31,SIDEREAL,,,PUBLIC,00:42:44.3,+41:16:09,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,Messier\r\n"
        "1 Ceres,NON_SIDEREAL,,,,,,,,,,,,,,MPC_MINOR_PLANET,60200,60.1,73.6,0.079,80.3,10.6,,2.77,,,,,,,3.34,0.12,"
        ",,,,\r\n"
    )
    payload = await bring(owner, text)
    assert (counts(payload), len(payload["ids"])) == ((3, 0), 3)
    found = await every_target(owner.client)
    assert found["Messier 1"] == {
        "name": "Messier 1", "aliases": ["M 1", "Crab Nebula"], "type": "SIDEREAL", "access": "OPEN",
        "extras": {"class": "SNR, plerion", "redshift": 0.031}, "distancePc": 2000.0, "distanceErrorPc": 500.0,
        "targetLists": [{"name": "Messier"}, {"name": "Best of"}], "orbit": None,
        "coordinates": {"raDeg": 83.633, "decDeg": 22.0145, "epoch": 2000.0, "parallaxMas": 0.5,
                        "properMotionRaMasYr": -14.7, "properMotionDecMasYr": 2.0},
    }  # fmt: skip
    assert found["Messier 31"]["coordinates"]["raDeg"] == pytest.approx(10.684583333, abs=1e-9)
    assert found["Messier 31"]["coordinates"]["decDeg"] == pytest.approx(41.269166667, abs=1e-9)
    assert found["Messier 31"]["targetLists"] == [{"name": "Messier"}]
    assert found["1 Ceres"]["orbit"]["semimajorAxisAu"] == 2.77
    assert (found["1 Ceres"]["coordinates"], found["1 Ceres"]["access"]) == (None, "PRIVATE")
    again = await bring(owner, text)
    assert rejected(again) == [(line, "DUPLICATE_NAME", "name") for line in (2, 3, 4)]
    more = await bring(owner, "name,ra,dec,groups\nMessier 101,210.8,54.3,Messier\n")
    assert counts(more) == (1, 0)
    assert (await every_target(owner.client))["Messier 101"]["targetLists"] == [{"name": "Messier"}]
    assert await site.rt.writes.fetchval("select count(*) from target_lists where name = 'Messier'") == 1


TOLERATED = {
    "byte order mark": "\ufeffname,ra,dec\nX,1,2\n".encode(),
    "carriage returns": b"name,ra,dec\r\nX,1,2\r\n",
    "old line ends": b"name,ra,dec\rX,1,2\r",
    "no line end": b"name,ra,dec\nX,1,2",
    "semicolons": b"name;ra;dec;remark\nX;1;2;one, two\n",
    "tabs": b"name\tra\tdec\nX\t1\t2\n",
    "blank lines": b"\n\n  \nname,ra,dec\n\n,,\nX,1,2\n\n",
    "quotes": b'"name","ra","dec"\n"X","1","2"\n',
    "capitals and blanks": b" Name , RA,Dec \n X , 1 , 2 \n",
    "empty last column": b"name,ra,dec,\nX,1,2,\n",
    "latin-1": "name,ra,dec,host\nX,1,2,Gal\u00e1xia\n".encode("latin-1"),
    "sexagesimal and decimal": b"name,ra,dec\nX,00:04:00,2.0\n",
}


@pytest.mark.parametrize("name", TOLERATED)
async def test_what_spreadsheets_do(name: str, admin: Person) -> None:
    payload = await bring(admin, TOLERATED[name].replace(b"X", name.encode()))
    assert counts(payload) == (1, 0), payload["rows"]
    found = (await every_target(admin.client))[name]
    assert (found["coordinates"]["raDeg"], found["coordinates"]["decDeg"]) == (1.0, 2.0)
    assert found["extras"] == {"semicolons": {"remark": "one, two"}, "latin-1": {"host": "Gal\u00e1xia"}}.get(name, {})


async def test_good_lines_are_kept_and_bad_ones_reported_by_number(admin: Person) -> None:
    lines = [
        "name,type,permissions,ra,dec,epoch,scheme,perihdist,class,extras,groups,name2",  # 1
        "Good 1,,,1,2,,,,,,,",
        "Ragged,,,1,2",
        "Too long,,,1,2,,,,,,,,",
        ",,,1,2,,,,,,,",
        '"Good 2",,,1,2,,,,"two\nmore\nlines",,,',  # 6 to 8
        "Half,,,1,,,,,,,,",
        "Nowhere,,,,,,,,,,,",
        "Bad dec,,,1,91,,,,,,,",
        "Bad ra,,,1:60:00,2,,,,,,,",
        "Bad epoch,,,1,2,2000y,,,,,,",
        "Late epoch,,,1,2,2101,,,,,,",
        "Bad type,STAR,,1,2,,,,,,,",
        "Bad access,,SECRET,1,2,,,,,,,",
        "Moves not,,,1,2,,,0.5,,,,",
        "Comet,,,,,,MPC_COMET,0.5,,,,",
        "No scheme,NON_SIDEREAL,,,,,KEPLER,0.5,,,,",
        "Bad extras,,,1,2,,,,,[1],,",
        "GOOD-1,,,1,2,,,,,,,",
        "Alias,,,1,2,,,,,,,good 1",
        f'Long list,,,1,2,,,,,,"{"x" * 201}",',
        "nan,,,nan,2,,,,,,,",
        'Good 3,,,1,2,,,,,"{""ra"": 1}",,',
        'Open quote,,,1,2,,,,"x,,,',
        "Swallowed,,,1,2,,,,,,,",
    ]
    payload = await bring(admin, "\n".join(lines) + "\n")
    assert rejected(payload) == [
        (3, "INVALID_INPUT", None),
        (4, "INVALID_INPUT", None),
        (5, "INVALID_INPUT", "name"),
        (9, "INVALID_COORDINATES", "dec"),
        (10, "INVALID_COORDINATES", "ra"),
        (11, "INVALID_COORDINATES", "dec"),
        (12, "INVALID_COORDINATES", "ra"),
        (13, "INVALID_INPUT", "epoch"),
        (14, "INVALID_INPUT", "epoch"),
        (15, "INVALID_INPUT", "type"),
        (16, "INVALID_INPUT", "permissions"),
        (17, "INVALID_INPUT", "perihdist"),
        (18, "INVALID_INPUT", "epoch_of_elements"),
        (19, "INVALID_INPUT", "scheme"),
        (20, "INVALID_INPUT", "extras"),
        (21, "DUPLICATE_NAME", "name"),
        (22, "DUPLICATE_NAME", "name2"),
        (23, "INVALID_INPUT", "groups"),
        (24, "INVALID_COORDINATES", "ra"),
        (26, "INVALID_INPUT", None),
    ]
    assert counts(payload) == (3, 20)
    messages = {row["row"]: row["message"] for row in payload["rows"]}
    assert messages[3] == (
        "This line has 5 cells, the headings are 12; is a separator or a quote missing, or too much?"
    )
    assert messages[18] == (
        "The scheme MPC_COMET also needs epoch_of_elements, inclination, lng_asc_node, arg_of_perihelion,"
        " eccentricity, epoch_of_perihelion."
    )
    found = await every_target(admin.client)
    assert found["Good 2"]["extras"] == {"class": "two\nmore\nlines"}
    assert found["Good 3"]["extras"] == {"ra": 1}
    assert not {"Alias", "Bad extras", "Swallowed"} & set(found)


REFUSED = {
    "empty": (b"", "UNREADABLE_FILE"),
    "blank": (b"\n , \n", "UNREADABLE_FILE"),
    "no name": (b"ra,dec\n1,2\n", "UNREADABLE_FILE"),
    "twice": (b"name,ra,dec,RA\nX,1,2,3\n", "UNREADABLE_FILE"),
    "wide": (b"name," + b",".join(b"c%d" % n for n in range(2_000)) + b"\n", "UNREADABLE_FILE"),
    "binary": (bytes(range(256)) * 8, "UNREADABLE_FILE"),
    "long heading": (b"n" * 3_000_000, "UNREADABLE_FILE"),
    "many": (b"name,ra,dec\n" + b"".join(b"many %d,1,2\n" % n for n in range(10_001)), "QUERY_TOO_COSTLY"),
    "many lists": (
        b"name,ra,dec,groups\n" + b"".join(b"many %d,1,2,l%d\n" % (n, n) for n in range(1_001)), "QUERY_TOO_COSTLY"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_files_that_are_refused_as_a_whole(name: str, site: Site, admin: Person) -> None:
    content, code = REFUSED[name]
    before = await rows_of_targets(site)
    payload = await bring(admin, content)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["file"])]
    assert (payload["created"], payload["rows"], await rows_of_targets(site)) == (0, [], before)


async def test_a_long_cell_spoils_its_line_alone(admin: Person) -> None:
    text = f"name,ra,dec,class\nLong cell,1,2,{'x' * 2_200_000}\nAfter the long cell,1,2,x\n"
    payload = await bring(admin, text)
    assert (counts(payload), rejected(payload)) == ((1, 1), [(2, "INVALID_INPUT", None)])


async def test_a_dry_run_and_what_is_no_file(site: Site, admin: Person) -> None:
    before = await rows_of_targets(site)
    payload = await bring(admin, f"{HEADINGS}\nDry,,1,2\ndry,,1,2\n", dryRun=True)
    assert (counts(payload), payload["ids"]) == ((1, 1), [])
    refused = (await admin.client.query(IMPORT, file="t1"))["importTargets"]
    assert refused["errors"] == [
        {"code": "INVALID_INPUT", "message": "`file` must be a file of a multipart request.", "path": ["file"]}
    ]
    assert await rows_of_targets(site) == before


async def test_only_who_may_write_imports(site: Site, admin: Person) -> None:
    before = await rows_of_targets(site)
    answer = await send(site.client(), b"name,ra,dec\nNobody's,1,2\n")
    assert answer["errors"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"
    reader = await make_person(site, "csv reader", scopes=("read",))
    payload = await bring(reader, "name,ra,dec\nReader's,1,2\n")
    assert [error["code"] for error in payload["errors"]] == ["NOT_ALLOWED"]
    assert await rows_of_targets(site) == before


@asynccontextmanager
async def another_site(addresses: dict[str, str], settings: Settings, tmp_path: Any) -> AsyncIterator[Site]:
    """A site with an empty database of its own."""
    connection = await asyncpg.connect(addresses["postgres"])
    name = f"{str(settings.database_url).rsplit('/', 1)[-1]}_{next(NUMBERS)}"
    await connection.execute("select pg_advisory_lock(1)")
    await connection.execute(f"create database {name} template {TEMPLATE}")
    await connection.execute("select pg_advisory_unlock(1)")
    try:
        url = with_database(addresses["postgres"], name)
        async with running_site(settings.model_copy(update={"database_url": url, "data_dir": tmp_path})) as site:
            yield site
    finally:
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()


AWKWARD: dict[str, Any] = {
    "plain": "SN IIL", "number": 0.031, "whole": 7, "big": 2**63, "true": True, "null": None, "list": [1, {"a": "b"}],
    "text number": "0.031", "text true": "True", "blank": " ", "empty": "", "quoted": '"x"', "lines": "a\r\nb\n",
    "comma, key": "a,b", "line\nkey": 1, "ra": 12, "Name2": "n", "groups": "g", "extras": {"x": 1}, " padded ": 1,
    "formula": "=1+1", "": "nameless", "created": "then", "semi;colon": ";", "tiny": 1e-300, "minus": -0.5,
}  # fmt: skip


async def test_a_round_trip_into_another_database(
    addresses: dict[str, str], settings: Settings, tmp_path: Any
) -> None:
    async with another_site(addresses, settings, tmp_path) as site:
        root = await make_person(site, "root", is_admin=True)
        orbit = {
            "scheme": "JPL_MAJOR_PLANET", "epochOfElementsMjd": 60200.1, "inclinationDeg": 1.3, "meanAnomalyDeg": 20.0,
            "ascendingNodeLongitudeDeg": 100.5, "perihelionArgumentDeg": 274.0, "eccentricity": 0.0489,
            "semimajorAxisAu": 5.2, "meanDailyMotionDeg": 0.0831, "absoluteMagnitude": -9.4,
        }  # fmt: skip
        awkward = await root.create_target(
            '=HYPERLINK("x")', aliases=["+1", "-5 cet", "@a, b", 'q"uote', "Ünï ☄"], raDeg=0.1 + 0.2, decDeg=-1e-7,
            extras=AWKWARD, epoch=2015.5, parallaxMas=1 / 3, properMotionRaMasYr=-1e-12, properMotionDecMasYr=1e6,
            distancePc=0.0, distanceErrorPc=12.5, access="OPEN",
        )  # fmt: skip
        await root.create_target("Jupiter", type="NON_SIDEREAL", orbit=orbit, raDeg=None, decDeg=None, access="PUBLIC")
        plain = await root.create_target("Plain")
        for name, targets in (("one", [awkward]), ("a, b", [awkward, plain])):
            await root.client.query(LIST, i={"name": name, "targets": targets})
        await site.rt.writes.execute("update targets set ephemeris_period_days = 0.5 where name = 'Plain'")
        sent = await every_target(root.client)
        content = (await root.client.get("/export/targets.csv")).content
    async with another_site(addresses, settings, tmp_path) as site:
        root = await make_person(site, "root", is_admin=True)
        payload = await bring(root, content)
        assert counts(payload) == (3, 0), payload["rows"]
        assert await every_target(root.client) == sent
        assert await site.rt.writes.fetchval("select ephemeris_period_days from targets where name = 'Plain'") == 0.5
        again = (await root.client.get("/export/targets.csv")).content
    assert sorted(csv.reader(io.StringIO(again.decode()))) == sorted(csv.reader(io.StringIO(content.decode())))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(addresses: dict[str, str], settings: Settings, tmp_path_factory: Any) -> AsyncIterator[Scene]:
    async with another_site(addresses, settings, tmp_path_factory.mktemp("scene")) as site, a_scene(site) as made:
        for name, access in (("private list", ["PRIVATE"]), ("mixed list", ["PRIVATE", "PUBLIC", "OPEN"])):
            given = {"name": name, "targets": [made.ids["targets"][each] for each in access]}
            done = (await made.clients["creator"].query(LIST, i=given))["createTargetList"]
            made.ids.setdefault("lists", {})[name] = done["targetList"]["id"]
        await site.rt.writes.execute(
            "update targets set extras = jsonb_build_object('key of ' || access, 1, 'shared', access)"
        )
        await site.rt.writes.execute(
            "insert into target_names (target_id, name, simplified) select id, 'alias ' || access, 'alias' || access"
            " from targets where access = 'PRIVATE'"
        )
        yield made


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_everybody_exports_what_they_see(name: str, scene: Scene) -> None:
    client, who = scene.clients[name], BY_NAME[name]
    seen = [label for label in ("PRIVATE", "PUBLIC", "OPEN") if scene.world.sees_target(who, label)]
    heading, *lines = await exported(client)
    assert [line[0] for line in lines] == [f"SN {label}" for label in seen]
    private = "PRIVATE" in seen
    assert ("key of PRIVATE" in heading, "name2" in heading) == (private, private)
    assert {dict(zip(heading, line, strict=True))["groups"] for line in lines} == (
        {"mixed list", "private list,mixed list"} if private else {"mixed list"}
    )
    mixed = await exported(client, f"?list={scene.ids['lists']['mixed list']}")
    assert mixed == [heading, *lines]
    response = await client.get(f"/export/targets.csv?list={scene.ids['lists']['private list']}")
    missing = await client.get("/export/targets.csv?list=l987654")
    if private or who.user == "creator":
        assert response.status_code == 200
    else:
        assert (response.status_code, response.content) == (404, missing.content)
    assert missing.status_code == 404


async def test_a_filter_chooses(scene: Scene) -> None:
    client = scene.clients["admin"]
    where = json.dumps({"or": [{"access": "OPEN"}, {"extras": {"shared": "PUBLIC"}}]})
    _, *lines = await exported(client, f"?where={quote(where)}")
    assert [line[0] for line in lines] == ["SN PUBLIC", "SN OPEN"]
    where = json.dumps({"cone": {"raDeg": 150.0, "decDeg": 2.0, "radiusArcsec": 1}, "created": {"lt": "2020-01-01"}})
    assert len(await exported(client, f"?where={quote(where)}")) == 1


NO_FILTERS = (
    "{", "[]", "null", '"x"', '{"nothing": 1}', '{"access": "SECRET"}', '{"raDeg": {"lt": "x"}}', '{"name": {"eq": 1}}',
    '{"cone": {"raDeg": 1}}', '{"created": {"lt": "soon"}}',
    '{"cone": {"raDeg": 1, "decDeg": 91, "radiusArcsec": 1}}',
)  # fmt: skip


@pytest.mark.parametrize("where", NO_FILTERS)
async def test_filters_that_are_none(where: str, scene: Scene) -> None:
    response = await scene.clients["admin"].get(f"/export/targets.csv?where={quote(where)}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] in ("INVALID_INPUT", "INVALID_COORDINATES")


async def test_how_the_file_is_sent(scene: Scene) -> None:
    response = await scene.clients["admin"].get("/export/targets.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="targets.csv"'
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    bad = await scene.site.client("tomgql_wrong").get("/export/targets.csv")
    assert bad.status_code == 401


async def test_many_targets_come_in_portions_and_each_once(
    addresses: dict[str, str], settings: Settings, tmp_path: Any
) -> None:
    async with another_site(addresses, settings, tmp_path) as site:
        root = await make_person(site, "root", is_admin=True)
        async with site.rt.writes.acquire() as connection, connection.transaction():
            await connection.execute(
                "insert into targets (name, type, access, ra_deg, dec_deg, extras) select 'T' || n, 'SIDEREAL', 'OPEN',"
                " n / 100.0, 0, jsonb_build_object('k' || n % 700, n) from generate_series(1, 6001) n"
            )
            await connection.execute(
                "insert into target_names (target_id, name, simplified, is_primary)"
                " select id, name, lower(name), true from targets"
            )
        heading, *lines = await exported(root.client)
    assert [line[0] for line in lines] == [f"T{n}" for n in range(1, 6002)]
    assert len(heading) == len(lines[0])
    assert heading.count("extras") == 1
    assert len([name for name in heading if name.startswith("k")]) == 500
    values = [json.loads(line[-1]) if line[-1] else dict(zip(heading, line, strict=True)) for line in lines]
    assert [int(value[f"k{n % 700}"]) for n, value in enumerate(values, 1)] == list(range(1, 6002))
