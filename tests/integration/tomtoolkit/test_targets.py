"""TOM Toolkit shares targets with us: what its sender says and hears on the wire, of both releases."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.people import Person, make_person
from tests.support.site import Site
from tests.support.toolkit import JSON_HEADERS, Sender, target_body

READ = """query ($name: String!) { target(name: $name) {
  name aliases type access extras distancePc coordinates { raDeg decDeg epoch } orbit { scheme eccentricity }
  targetLists { name }
} }"""


async def stored(person: Person, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (await person.client.query(READ, name=name))["target"]
    return found


@pytest.mark.parametrize("release", [2, 3])
async def test_a_target_is_taken_whole(sender: Sender, person: Person, release: int) -> None:
    name = f"Shared {release}"
    lists = [{"name": "Imported From Sender"}, {"name": "Bright ones"}]
    body = target_body(name, release=release, target_lists=lists, distance=1000.5, custom_flag="yes")
    response = await sender.post("api/targets/", body)
    assert response.status_code == 201
    told = response.json()
    assert told["message"] == "Target successfully uploaded."
    assert told["name"] == name and told["ra"] == 11.0 and told["distance"] == 1000.5 and told["scheme"] == ""
    assert told["targetextra_set"] == [{"key": "redshift", "value": "0.03"}]
    assert [alias["name"] for alias in told["aliases"]] == [f"{name} alias"]
    assert [each["name"] for each in told["target_lists"]] == ["Imported From Sender", "Bright ones"]
    assert told["custom_flag"] == "yes" and told["groups"] == [] and told["permissions"] == "PRIVATE"
    assert (told["shared_by"], told["shared_from"]) == (("admin", "Sender") if release == 3 else ("", ""))
    sharers = {"shared_by": "admin", "shared_from": "Sender"} if release == 3 else {}
    assert await stored(person, name) == {
        "name": name, "aliases": [f"{name} alias"], "type": "SIDEREAL", "access": "PRIVATE", "distancePc": 1000.5,
        "extras": {"tomtoolkit": {**sharers, "extras": {"redshift": "0.03"}, "columns": {"custom_flag": "yes"}}},
        "coordinates": {"raDeg": 11.0, "decDeg": 12.0, "epoch": 2000.0}, "orbit": None,
        "targetLists": [{"name": "Imported From Sender"}, {"name": "Bright ones"}],
    }  # fmt: skip


async def test_a_moving_target_keeps_its_elements(sender: Sender, person: Person) -> None:
    elements = {"epoch_of_elements": 60000.0, "inclination": 10.0, "lng_asc_node": 20.0, "arg_of_perihelion": 30.0,
                "eccentricity": 0.1, "mean_anomaly": 40.0, "semimajor_axis": 2.5}  # fmt: skip
    body = target_body("2026 XX1", type="NON_SIDEREAL", scheme="MPC_MINOR_PLANET", ra=None, dec=None, **elements)
    response = await sender.post("api/targets/", body)
    assert response.status_code == 201
    assert {name: response.json()[name] for name in elements} == elements
    found = await stored(person, "2026 XX1")
    assert found is not None and found["orbit"] == {"scheme": "MPC_MINOR_PLANET", "eccentricity": 0.1}


async def test_names_find_a_target(sender: Sender) -> None:
    plus = await sender.share_target("PSR J1745+2900", aliases=[{"name": "SGR 1745, the one"}])
    ampersand = await sender.share_target("AT&T 12", aliases=[])
    assert await sender.find("psr-j1745+2900") == [plus]
    assert await sender.find("PSR J1745%2B2900") == [plus]
    assert await sender.find("Nothing,PSR J1745+2900") == [plus]
    assert await sender.find("SGR 1745, the one") == [plus]
    assert await sender.find("AT&T 12") == [ampersand]
    assert await sender.find("AT&T 12,PSR J1745+2900") == [plus, ampersand]
    assert await sender.find("") == []
    assert await sender.find(",") == []
    assert await sender.find("Unheard of") == []


async def test_a_target_that_is_there_is_put_into_lists(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Listed", target_lists=[])
    body = {"target_lists": [{"name": "Imported From Sender"}]}
    answers = [await sender.patch(f"api/targets/{key}/", body) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[1].json()["message"] == "Target successfully updated."
    assert [each["name"] for each in answers[1].json()["target_lists"]] == ["Imported From Sender"]
    found = await person.client.query('{ targetLists(where: {name: {eq: "Imported From Sender"}}) { totalCount } }')
    assert found == {"targetLists": {"totalCount": 1}}


async def test_lists_of_one_name_are_made_once(sender: Sender, person: Person) -> None:
    keys = [await sender.share_target(f"At once {number}", target_lists=[]) for number in range(6)]
    body = {"target_lists": [{"name": "Made at once"}]}
    answers = await asyncio.gather(*(sender.patch(f"api/targets/{key}/", body) for key in keys))
    assert [each.status_code for each in answers] == [200] * 6
    found = await person.client.query('{ targetLists(where: {name: {eq: "Made at once"}}) { totalCount } }')
    assert found == {"targetLists": {"totalCount": 1}}


async def test_a_script_changes_a_target(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Changed", custom_flag="yes")
    change = {"ra": 20.5, "distance": 7, "aliases": [{"name": "Changed too"}],
              "targetextra_set": [{"key": "host", "value": "M 31"}]}  # fmt: skip
    told = (await sender.patch(f"api/targets/{key}", change)).json()
    assert (told["ra"], told["dec"], told["distance"]) == (20.5, 12.0, 7.0)
    assert {each["key"]: each["value"] for each in told["targetextra_set"]} == {"redshift": "0.03", "host": "M 31"}
    assert [each["name"] for each in told["aliases"]] == ["Changed alias", "Changed too"]
    assert told["custom_flag"] == "yes" and told["shared_from"] == "Sender"
    assert await sender.get(f"api/targets/{key}/") == {name: told[name] for name in told if name != "message"}


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"name": None}, {"name": ["This field may not be null."]}),
        ({"name": " "}, {"name": ["This field may not be blank."]}),
        ({"name": "x" * 101}, {"name": ["Ensure this field has no more than 100 characters."]}),
        ({"name": "a\x00b"}, {"name": ["Null characters are not allowed."]}),
        ({"type": "STAR"}, {"type": ['"STAR" is not a valid choice.']}),
        ({"permissions": 3}, {"permissions": ['"int" is not a valid choice.']}),
        ({"ra": "north"}, {"ra": ["A valid number is required."]}),
        ({"ra": True}, {"ra": ["A valid number is required."]}),
        ({"ra": None}, {"non_field_errors": ["The following fields are required for SIDEREAL targets: ['ra']"]}),
        ({"aliases": [{"id": 1}]}, {"aliases": {"0": {"name": ["This field is required."]}}}),
        ({"aliases": "x"}, {"aliases": ["Expected a list of items, each of them a dictionary."]}),
        ({"target_lists": [{"name": ""}]}, {"target_lists": {"0": {"name": ["This field may not be blank."]}}}),
        (
            {"targetextra_set": [{"key": "a", "value": []}]},
            {"targetextra_set": {"0": {"value": ["Not a valid string."]}}},
        ),
    ],
)
async def test_what_is_wrong_is_said_by_field(
    sender: Sender, person: Person, given: dict[str, Any], errors: dict[str, Any]
) -> None:
    response = await sender.post("api/targets/", target_body("Wrong", **given))
    assert (response.status_code, response.json()) == (400, errors)
    assert await stored(person, "Wrong") is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"ra": 1000.0}, "ra"),
        ({"dec": -400}, "dec"),
        ({"epoch": 2451545}, "epoch"),
        ({"distance": -1}, "distance"),
        ({"custom": "a\x00b"}, "extras"),
    ],
)
async def test_what_a_target_cannot_be_is_refused(
    sender: Sender, person: Person, given: dict[str, Any], field: str
) -> None:
    response = await sender.post("api/targets/", target_body("Impossible", **given))
    assert response.status_code == 400 and list(response.json()) == [field]
    assert await stored(person, "Impossible") is None


async def test_bodies_that_are_none_are_refused(sender: Sender) -> None:
    async def sent(content: bytes, **headers: str) -> tuple[int, list[str]]:
        response = await sender.send("POST", "api/targets/", content=content, headers={**JSON_HEADERS, **headers})
        return response.status_code, list(response.json())

    assert await sent(b"{") == (400, ["detail"])
    assert await sent(b"[]") == (400, ["non_field_errors"])
    assert await sent(b'{"name": "\\ud800"}') == (400, ["detail"])
    assert await sent(b'{"ra": NaN}') == (400, ["detail"])
    assert await sent(b"[" * 100_000) == (400, ["detail"])
    assert await sent(b"{}", **{"Content-Type": "text/plain"}) == (415, ["detail"])
    deep = b'{"name": "Deep", "type": "SIDEREAL", "ra": 1, "dec": 1, "x": ' + b"[" * 500 + b"]" * 500 + b"}"
    assert await sent(deep) == (400, ["extras"])


async def test_a_name_that_is_taken(sender: Sender, stranger: Person) -> None:
    await sender.share_target("Taken", aliases=[{"name": "Taken alias"}])
    name_taken = {"name": ["target with this Name already exists."]}
    alias_taken = {"aliases": {"1": {"name": ["target name with this Name already exists."]}}}
    assert (await sender.post("api/targets/", target_body("taken"))).json() == name_taken
    aliases = [{"name": "Free"}, {"name": "Taken-alias"}]
    response = await Sender.as_person(stranger).post("api/targets/", target_body("Other", aliases=aliases))
    assert (response.status_code, response.json()) == (400, alias_taken)
    assert await sender.find("Other") == []


async def test_an_alias_that_only_spells_the_name_otherwise_is_no_clash(sender: Sender) -> None:
    key = await sender.share_target("SN 2026abc", aliases=[{"name": "SN2026abc"}, {"name": "sn-2026ABC"}])
    assert (await sender.get(f"api/targets/{key}/"))["aliases"] == []


@pytest.mark.parametrize(("asked", "given"), [("OPEN", "PUBLIC"), ("PUBLIC", "PUBLIC"), ("PRIVATE", "PRIVATE")])
async def test_no_sender_shows_a_target_to_everybody(sender: Sender, admin: Person, asked: str, given: str) -> None:
    body = target_body(f"For all {asked}", permissions=asked)
    assert (await sender.post("api/targets/", body)).json()["permissions"] == given
    body = target_body(f"For all by root {asked}", permissions=asked)
    assert (await Sender.as_person(admin).post("api/targets/", body)).json()["permissions"] == asked


async def test_what_may_not_be_seen_is_not_there(sender: Sender, stranger: Person) -> None:
    key = await sender.share_target("Hidden", target_lists=[{"name": "Hidden list"}])
    other = Sender.as_person(stranger)
    before = (await other.get("api/targets/"))["count"]
    assert await other.find("Hidden") == []
    for response in (
        await other.send("GET", f"api/targets/{key}/"),
        await other.patch(f"api/targets/{key}/", {"target_lists": [{"name": "Mine"}]}),
        await other.patch("api/targets/999999/", {"ra": 1.0}),
        await other.patch("api/targets/x1/", {}),
    ):
        assert (response.status_code, response.json()) == (404, {"detail": "No Target matches the given query."})
    assert (await other.get("api/targets/?name=Hidden"))["results"] == []
    lists = (await sender.get(f"api/targets/{key}/"))["target_lists"]
    assert (await other.get(f"api/targets/?targetlist__name={lists[0]['id']}"))["count"] == 0
    assert (await other.get("api/targets/"))["count"] == before
    assert await stored(stranger, "Hidden") is None


async def test_who_sees_a_target_lists_it_but_does_not_change_it(sender: Sender, stranger: Person) -> None:
    key = await sender.share_target("Seen", permissions="PUBLIC", target_lists=[{"name": "Of its maker"}])
    other = Sender.as_person(stranger)
    response = await other.patch(f"api/targets/{key}/", {"target_lists": [{"name": "Of the stranger"}]})
    assert response.status_code == 200
    refused = await other.patch(f"api/targets/{key}/", {"ra": 1.0, "target_lists": [{"name": "Another"}]})
    assert (refused.status_code, refused.json()) == (404, {"detail": "No Target matches the given query."})
    told = await sender.get(f"api/targets/{key}/")
    assert told["ra"] == 11.0
    assert [each["name"] for each in told["target_lists"]] == ["Of its maker", "Of the stranger"]


async def test_nobody_comes_in_without_a_login(site: Site, person: Person, stranger: Person) -> None:
    wrong = {"detail": "Invalid username/password."}
    for login in (
        (person.username, "tomgql_wrong"),
        (person.username, ""),
        (stranger.username, person.client.token or ""),
        ("", person.client.token or ""),
        ("nobody\x00", "\x00"),
    ):
        async with httpx.AsyncClient() as http:
            response = await http.get(f"{site.url}/api/targets/", auth=login)
        assert (response.status_code, response.json()) == (401, wrong)
        assert response.headers["www-authenticate"] == 'Basic realm="api"'
    async with httpx.AsyncClient() as http:
        bare = await http.get(f"{site.url}/api/targets/")
        bearer = await http.get(f"{site.url}/api/targets/", headers=person.client.headers)
        broken = await http.get(f"{site.url}/api/", headers={"Authorization": "Basic ?"})
    assert (bare.status_code, bare.json()) == (401, {"detail": "Authentication credentials were not provided."})
    assert [bearer.status_code, broken.status_code] == [401, 401]


async def test_a_user_name_may_hold_a_colon(site: Site) -> None:
    assert (await Sender.as_person(await make_person(site, "tom:c")).get("api/groups/"))["count"] == 0


async def test_a_token_that_only_reads_changes_nothing(site: Site, sender: Sender) -> None:
    reader = Sender.as_person(await make_person(site, "reader", scopes=("read",)))
    key = await sender.share_target("Only read", permissions="PUBLIC", target_lists=[])
    answers = [
        await reader.post("api/targets/", target_body("By reader")),
        await reader.patch(f"api/targets/{key}/", {"target_lists": [{"name": "By reader"}]}),
    ]
    assert [each.status_code for each in answers] == [403, 403]
    assert (await sender.get(f"api/targets/{key}/"))["target_lists"] == []
    assert await sender.find("By reader") == []


async def test_another_sites_page_cannot_use_a_browsers_login(sender: Sender) -> None:
    headers = {**JSON_HEADERS, "Sec-Fetch-Site": "cross-site"}
    response = await sender.send("POST", "api/targets/", json=target_body("From a page"), headers=headers)
    assert response.status_code == 403
    assert await sender.find("From a page") == []


async def test_lists_come_in_pages(site: Site) -> None:
    sender = Sender.as_person(await make_person(site, "pager"))
    keys = [await sender.share_target(f"Paged {number}", aliases=[]) for number in range(5)]
    shown = "api/targets/?name=paged%20"
    first = await sender.get(f"{shown}&limit=2")
    assert (first["count"], first["previous"], [row["id"] for row in first["results"]]) == (5, None, keys[:2])
    second = await sender.get(first["next"].removeprefix(f"{site.url}/"))
    assert [row["id"] for row in second["results"]] == keys[2:4]
    assert second["previous"] == first["next"].replace("&offset=2", "")
    last = await sender.get(second["next"].removeprefix(f"{site.url}/"))
    assert ([row["id"] for row in last["results"]], last["next"]) == (keys[4:], None)
    assert (await sender.get(f"{shown}&limit=x&offset=-1"))["count"] == 5
    assert (await sender.get(f"{shown}&offset=9000000000000000000"))["results"] == []


async def test_lists_are_filtered(site: Site) -> None:
    sender = Sender.as_person(await make_person(site, "filterer"))
    near = await sender.share_target("Near one", ra=200.0, dec=0.0)
    await sender.share_target("Far one", ra=210.0, dec=0.0)
    cone = await sender.get("api/targets/?cone_search=200.1,0,0.2")
    assert [row["id"] for row in cone["results"]] == [near]
    both = await sender.get("api/targets/?name=near,FAR%20one&type=SIDEREAL")
    assert [row["name"] for row in both["results"]] == ["Near one", "Far one"]
    for query, field in (("cone_search=1,2", "cone_search"), ("cone_search=nan,0,1", "non_field_errors"),
                         ("type=STAR", "type"), ("facility=LCO", "facility")):  # fmt: skip
        response = await sender.send("GET", f"api/targets/?{query}")
        assert (response.status_code, list(response.json())) == (400, [field])


async def test_no_path_is_redirected(sender: Sender) -> None:
    key = await sender.share_target("By any path", target_lists=[])
    for path in ("api", "api/targets", f"api/targets/{key}", "api/reduceddatums", "api/dataproducts", "api/groups"):
        for slash in ("", "/"):
            assert (await sender.send("GET", path + slash)).status_code == 200, path
            assert (await sender.send("HEAD", path + slash)).status_code == 200, path
    for path in ("api/targets", "api/targets/"):
        assert (await sender.send("POST", path, json={})).status_code == 400
        assert (await sender.send("PUT", path, json={})).status_code == 405
    assert (await sender.patch(f"api/targets/{key}", {})).status_code == 200


async def test_who_may_not_show_a_target_to_all_leaves_it_shown(sender: Sender, admin: Person) -> None:
    key = await Sender.as_person(admin).share_target("Open", permissions="OPEN")
    told = (await Sender.as_person(admin).patch(f"api/targets/{key}/", {"permissions": "OPEN", "ra": 1})).json()
    assert (told["permissions"], told["ra"]) == ("OPEN", 1.0)
    mine = await sender.share_target("Not open")
    assert (await sender.patch(f"api/targets/{mine}/", {"permissions": "OPEN"})).json()["permissions"] == "PUBLIC"


async def test_the_index_says_what_is_where(site: Site, sender: Sender) -> None:
    names = ("targets", "reduceddatums", "dataproducts", "groups")
    assert await sender.get("api/") == {name: f"{site.url}/api/{name}/" for name in names}


async def test_groups_are_the_callers_own(sender: Sender, person: Person, stranger: Person) -> None:
    made = 'mutation { createUserGroup(input: {name: "Observers", members: []}) { userGroup { id } } }'
    payload = (await person.client.query(made))["createUserGroup"]
    key = int(payload["userGroup"]["id"].removeprefix("ug"))
    own = await sender.get("api/groups/")
    assert own == {"count": 1, "next": None, "previous": None, "results": [{"id": key, "name": "Observers"}]}
    assert (await Sender.as_person(stranger).get("api/groups/"))["results"] == []
