"""Sharing with a TOM Toolkit, through the HTTP client of a site: a double of both releases, and a site of our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.people import Person
from tests.support.site import Site
from tests.support.survey_doubles import BadDay, cut, once, playing
from tests.support.toolkit_double import HIDDEN_PAGE, PASSWORD, USERNAME, ToolkitDouble
from tomgql.builtin.destinations.tomtoolkit import TomToolkit
from tomgql.builtin.destinations.toolkit_portion import OTHER_THERE
from tomgql.errors import TomError, UpstreamBusy, UpstreamDown, UpstreamRefused
from tomgql.plugins.destinations import (
    Delivery,
    Refused,
    Sender,
    Sent,
    SharedDatum,
    SharedProduct,
    SharedTarget,
    TargetGone,
    check_destination,
)
from tomgql.services.delivery_calls import DestinationHttp
from tomgql.settings import Settings

KIND = TomToolkit()
RECORD = {"type": "SIDEREAL", "ra_deg": 11.0, "dec_deg": 12.0, "extras": {"redshift": 0.031}}
NAMES = ("SN 2011fe & co #1", "alias, with comma")
TARGET = SharedTarget("a-target", NAMES, ("Bright ones",), RECORD)
LIGHT_CURVE = b"time,magnitude,error,filter\n60183.2,15.81,0.02,g\n"
BIG_PAGE = "<html><head><title>Sign in</title></head>" + "x" * 100_000


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"private_peers": True})


@pytest_asyncio.fixture(params=[2, 3])
async def toolkit(request: pytest.FixtureRequest) -> AsyncIterator[ToolkitDouble]:
    async with playing(ToolkitDouble(major=request.param)) as double:
        assert isinstance(double, ToolkitDouble)
        yield double


@pytest.fixture
def delivery(site: Site, toolkit: ToolkitDouble) -> Delivery:
    return delivery_to(site, toolkit.address)


def delivery_to(site: Site, address: str, **credentials: str) -> Delivery:
    login = {"username": USERNAME, "password": PASSWORD} | credentials
    sender = Sender("North TOM", "https://north.example.org", "an-id", "ada")
    return Delivery(address, DestinationHttp(site.rt, address), sender, KIND.options(), login)


def datum(number: int, **columns: Any) -> SharedDatum:
    row = {"data_type": "photometry", "mjd": 60000.0 + number, "band": "r", "flux_ujy": 100.0 + number, "reported": {},
           "flux_error_ujy": 2.0, "source_name": "Survey"}  # fmt: skip
    return SharedDatum(f"datum-{number}", {**row, **columns})


def product(content: bytes = LIGHT_CURVE, **columns: Any) -> SharedProduct:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 7):
            yield content[at : at + 7]

    record = {"data_product_type": "photometry", "product_id": None, "extra_data": "é", **columns}
    return SharedProduct("a-product", "größe.csv", len(content), "", pieces, record)


async def put(delivery: Delivery, target: SharedTarget = TARGET) -> str:
    """Share a target; its id there."""
    outcome = await KIND.send_target(delivery, target, None)
    assert isinstance(outcome, Sent)
    assert outcome.remote_id is not None
    return outcome.remote_id


def test_it_meets_the_contract(site: Site) -> None:
    assert check_destination(KIND) == []
    assert type(site.rt.destinations.installed["tomtoolkit"].plugin) is TomToolkit


async def test_a_target_is_created_once_and_then_found_by_its_names(delivery: Delivery, toolkit: ToolkitDouble) -> None:
    remote_id = await put(delivery)
    asked = [each.params["name_fuzzy"] for each in toolkit.heard if each.method == "GET"]
    assert asked == list(NAMES)
    assert toolkit.targets[remote_id]["targetextra_set"] == [{"key": "redshift", "value": "0.031"}]
    lists = [{"name": "Imported From North TOM"}, {"name": "Bright ones"}]
    assert toolkit.targets[remote_id]["target_lists"] == lists
    assert await KIND.send_target(delivery, TARGET, None) == Sent(remote_id, "It was there already.")
    other = SharedTarget("a-target", (NAMES[1].upper(), "Another name"), ("More",), RECORD)
    assert await KIND.send_target(delivery, other, remote_id) == Sent(remote_id, "Target successfully updated.")
    assert toolkit.targets[remote_id]["target_lists"] == [*lists, {"name": "More"}]
    assert toolkit.counts("POST") == 1


async def test_a_target_that_is_gone_or_another_one_there_is_given_anew(
    delivery: Delivery, toolkit: ToolkitDouble
) -> None:
    assert await KIND.send_target(delivery, TARGET, "99") == Sent("1")
    stranger = SharedTarget("b-target", ("Somebody else",), (), RECORD)
    assert await KIND.send_target(delivery, stranger, "1") == Sent("2")


async def test_several_targets_of_these_names_are_told(delivery: Delivery, toolkit: ToolkitDouble) -> None:
    for name in NAMES:
        await put(delivery, SharedTarget("x", (name,), (), RECORD))
    outcome = await KIND.send_target(delivery, TARGET, None)
    assert isinstance(outcome, Refused)
    assert '"SN 2011fe & co #1" (1), "alias, with comma" (2)' in outcome.words


@pytest.mark.parametrize(
    ("hidden", "record", "words"),
    [
        (NAMES[0], RECORD, f'The name "{NAMES[0]}" is taken there by a target that the account "tomgql"'),
        (NAMES[1], RECORD, f'The alias "{NAMES[1]}" is taken there by a target that the account "tomgql"'),
        ("", {"type": "SIDEREAL"}, "HTTP 400: The following fields are required for SIDEREAL targets: ['ra', 'dec']"),
    ],
)
async def test_a_target_that_is_not_taken(
    delivery: Delivery, toolkit: ToolkitDouble, hidden: str, record: dict[str, Any], words: str
) -> None:
    toolkit.hidden_names = {hidden}
    outcome = await KIND.send_target(delivery, SharedTarget("a-target", NAMES, (), record), None)
    assert isinstance(outcome, Refused)
    assert outcome.words.startswith(words)
    assert outcome.lasting


async def test_a_target_that_may_not_be_changed_there(delivery: Delivery, toolkit: ToolkitDouble) -> None:
    remote_id = await put(delivery)
    toolkit.read_only = {remote_id}
    outcome = await KIND.send_target(delivery, SharedTarget("a-target", NAMES, ("More",), RECORD), remote_id)
    assert outcome == Refused('The account "tomgql" there sees the target but may not change it.')
    with pytest.raises(TargetGone):
        await KIND.send_data(delivery, TARGET, remote_id, [datum(1)])


@pytest.mark.parametrize("debug", [False, True])
async def test_data_arrive_once(delivery: Delivery, toolkit: ToolkitDouble, debug: bool) -> None:
    toolkit.debug = debug
    remote_id = await put(delivery)
    data = [datum(1), datum(2, flux_ujy=-5.0), datum(3, flux_ujy=-5.0, flux_error_ujy=None), datum(4)]
    first = await KIND.send_data(delivery, TARGET, remote_id, data)
    assert [type(each) for each in first] == [Sent, Sent, Refused, Sent]
    again = await KIND.send_data(delivery, TARGET, remote_id, [*data, datum(5), datum(5)])
    assert [type(each) for each in again] == [Sent, Sent, Refused, Sent, Sent, Sent]
    assert [each["timestamp"] for each in toolkit.data] == [f"2023-02-{day}T00:00:00.000Z" for day in (26, 27)] + [
        "2023-03-01T00:00:00.000Z",
        "2023-03-02T00:00:00.000Z",
    ]
    looks = toolkit.counts("GET", "/api/reduceddatums/")
    assert looks == (1 if toolkit.major == 2 and not debug else 0)


async def test_many_data_cost_one_check_of_the_password(delivery: Delivery, toolkit: ToolkitDouble) -> None:
    remote_id = await put(delivery)
    kind = TomToolkit()
    toolkit.passwords_checked = 0
    for portion in range(3):
        data = [datum(number) for number in range(portion * 10, portion * 10 + 10)]
        assert all(isinstance(each, Sent) for each in await kind.send_data(delivery, TARGET, remote_id, data))
    assert (len(toolkit.data), toolkit.passwords_checked, toolkit.counts("POST", "/accounts/")) == (30, 1, 1)
    sent = [each for each in toolkit.heard if each.path.startswith("/api/reduceddatums")]
    assert all(each.headers["Authorization"].startswith("Basic ") for each in sent)


@pytest.mark.parametrize(("left_alone_s", "without"), [(60.0, 20), (0.0, 1)])
async def test_a_login_page_that_breaks_down_keeps_nothing_from_going(
    delivery: Delivery, toolkit: ToolkitDouble, monkeypatch: pytest.MonkeyPatch, left_alone_s: float, without: int
) -> None:
    monkeypatch.setattr("tomgql.builtin.destinations.toolkit_sessions.BROKEN_OFF_S", left_alone_s)
    remote_id = await put(delivery)
    kind = TomToolkit()
    toolkit.bad_days.append(cut("POST", "/accounts/login/"))
    for portion in range(2):
        data = [datum(number) for number in range(portion * 10, portion * 10 + 10)]
        assert all(isinstance(each, Sent) for each in await kind.send_data(delivery, TARGET, remote_id, data))
    sent = [each for each in toolkit.heard if each.path == "/api/reduceddatums/"]
    assert ["Cookie" in each.headers for each in sent] == [False] * without + [True] * (20 - without)


@pytest.mark.parametrize("switch", ["has_sessions", "takes_sessions"])
async def test_where_nobody_can_sign_in_the_password_goes_along(
    delivery: Delivery, toolkit: ToolkitDouble, switch: str
) -> None:
    setattr(toolkit, switch, False)
    remote_id = await put(delivery)
    kind = TomToolkit()
    for portion in range(2):
        data = [datum(number) for number in range(portion * 10, portion * 10 + 10)]
        assert all(isinstance(each, Sent) for each in await kind.send_data(delivery, TARGET, remote_id, data))
    assert (len(toolkit.data), toolkit.counts("POST", "/accounts/")) == (20, 1)


async def test_a_repeat_that_3x_takes_for_one_and_is_none_is_told(delivery: Delivery, toolkit: ToolkitDouble) -> None:
    remote_id = await put(delivery)
    told = {"reported_system": "AB", "reported_magnitude_error": 0.1}
    row, revised, more_certain = (
        datum(1, **told, reported_magnitude=18.0),
        datum(1, **told, reported_magnitude=18.1),
        datum(1, **{**told, "reported_magnitude": 18.1, "reported_magnitude_error": 0.05}),
    )
    for each in (row, revised, revised):
        assert [type(found) for found in await KIND.send_data(delivery, TARGET, remote_id, [each])] == [Sent]
    (found,) = await KIND.send_data(delivery, TARGET, remote_id, [more_certain])
    if toolkit.major == 3:
        assert found == Refused(OTHER_THERE)
    assert len(toolkit.data) == (2 if toolkit.major == 3 else 3)


async def test_a_limit_that_is_there_is_known_though_3x_does_not_list_it(
    delivery: Delivery, toolkit: ToolkitDouble
) -> None:
    remote_id = await put(delivery)
    for _ in range(2):
        (found,) = await KIND.send_data(delivery, TARGET, remote_id, [datum(1, flux_ujy=-5.0)])
        assert isinstance(found, Sent)
    assert len(toolkit.data) == 1


async def test_data_that_were_read_from_a_product_there_are_not_sent_beside(
    delivery: Delivery, toolkit: ToolkitDouble
) -> None:
    remote_id = await put(delivery)
    assert isinstance(await KIND.send_product(delivery, TARGET, remote_id, product()), Sent)
    in_file = {"mjd": 60183.2, "band": "g", "reported_magnitude": 15.81, "reported_system": "AB"}
    read, other = (
        SharedDatum(each.global_id, each.record, "a-product")
        for each in (datum(1, **in_file), datum(2, **in_file | {"reported_magnitude": 15.9}))
    )
    outcomes = await KIND.send_data(delivery, TARGET, remote_id, [read, other])
    assert outcomes == [Sent(words="It was there already, read from its data product."), Sent()]
    assert [each["value"]["magnitude"] for each in toolkit.data] == [15.81, 15.9]


async def test_a_list_of_products_that_is_none(delivery: Delivery, toolkit: ToolkitDouble) -> None:
    remote_id = await put(delivery)
    toolkit.bad_days.append(once("GET", "/api/dataproducts", 200, {"results": [1]}))
    with pytest.raises(UpstreamRefused) as raised:
        await KIND.send_data(delivery, TARGET, remote_id, [SharedDatum("x", datum(1).record, "a-product")])
    assert "is this a TOM Toolkit?" in raised.value.message


async def test_a_long_list_is_looked_through_to_its_end(
    delivery: Delivery, toolkit: ToolkitDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tomgql.builtin.destinations.toolkit_there.PAGE_ROWS", {"photometry": 3})
    remote_id = await put(delivery)
    data = [datum(number) for number in range(10)]
    for _ in range(2):
        assert all(isinstance(each, Sent) for each in await KIND.send_data(delivery, TARGET, remote_id, data))
    assert (len(toolkit.data), toolkit.counts("GET", "/api/reduceddatums/")) == (10, 4 if toolkit.major == 2 else 0)


@pytest.mark.parametrize("debug", [False, True])
async def test_a_kind_of_data_that_2x_does_not_know_is_refused_in_words(
    delivery: Delivery, toolkit: ToolkitDouble, debug: bool
) -> None:
    toolkit.debug = debug
    weather = datum(1, data_type="weather", reported={"seeing": 1.2})
    (outcome,) = await KIND.send_data(delivery, TARGET, await put(delivery), [weather])
    if toolkit.major == 3:
        assert isinstance(outcome, Sent)
        return
    assert isinstance(outcome, Refused)
    assert '"weather" may be none' in outcome.words
    assert (PASSWORD in outcome.words, "html" in outcome.words, outcome.lasting) == (False, False, True)


@pytest.mark.parametrize(
    ("page", "words", "lasting"),
    [
        (once("POST", "/api/r", 500, HIDDEN_PAGE), 'HTTP 500: a web page, "Server Error (500)".', False),
        (once("POST", "/api/r", 500, f"OperationalError at /api\ndatabase is locked\n\n{PASSWORD}"),
         "HTTP 500: OperationalError at /api: database is locked", False),
        (once("POST", "/api/r", 500, "ValidationError at /api\n['bad']\n\nrest"), "HTTP 500: ValidationError at /api:"
         " ['bad']", True),
        (once("POST", "/api/r", 400, {"value": ["Too odd."]}), "HTTP 400: value: Too odd.", True),
        (once("POST", "/api/r", 413, "too large"), "HTTP 413: too large", True),
    ],
)  # fmt: skip
async def test_a_failure_concerns_its_datum_alone(
    delivery: Delivery, toolkit: ToolkitDouble, page: BadDay, words: str, lasting: bool
) -> None:
    remote_id = await put(delivery)
    toolkit.bad_days.append(page)
    outcomes = await KIND.send_data(delivery, TARGET, remote_id, [datum(1), datum(2)])
    assert outcomes[0] == Refused(words, lasting)
    assert isinstance(outcomes[1], Sent)


@pytest.mark.parametrize(
    ("day", "error", "words"),
    [
        (once("POST", "/api/r", 401, {"detail": "Invalid username/password."}), UpstreamRefused, "credentials"),
        (once("POST", "/api/r", 403, {"detail": "No."}), UpstreamRefused, "does not accept our credentials"),
        (once("POST", "/api/r", 302, "", Location="/login"), UpstreamRefused, "to another page (HTTP 302)"),
        (once("POST", "/api/r", 200, BIG_PAGE), UpstreamRefused, 'a web page, "Sign in"'),
        (once("POST", "/api/r", 200, "[1"), UpstreamRefused, "no JSON"),
        (once("POST", "/api/r", 200, [1]), UpstreamRefused, "is this a TOM Toolkit?"),
        (once("POST", "/api/r", 400, BIG_PAGE), UpstreamRefused, 'a web page, "Sign in"'),
        (once("POST", "/api/r", 404, {"detail": "Not found."}), UpstreamRefused, "is this a TOM Toolkit?"),
        (once("POST", "/api/r", 405, {"detail": 'Method "POST" not allowed.'}), UpstreamRefused, "HTTP 405"),
        (once("POST", "/api/r", 400, {"target": ['Invalid pk "1" - object does not exist.']}), TargetGone, "no target"),
        (once("POST", "/api/r", 429, "", **{"Retry-After": "7"}), UpstreamBusy, "without a word"),
        (once("POST", "/api/r", 503, ""), UpstreamBusy, "without a word"),
        (once("POST", "/api/r", 502, BIG_PAGE), UpstreamDown, "HTTP 502"),
        (cut("POST", "/api/r"), UpstreamDown, "broke off"),
    ],
)
async def test_a_bad_day_concerns_everything(
    delivery: Delivery, toolkit: ToolkitDouble, day: BadDay, error: type[TomError], words: str
) -> None:
    remote_id = await put(delivery)
    toolkit.bad_days.append(day)
    with pytest.raises(error) as raised:
        await KIND.send_data(delivery, TARGET, remote_id, [datum(1)])
    assert (words in raised.value.message, len(raised.value.message) < 1000) == (True, True)
    assert isinstance((await KIND.send_data(delivery, TARGET, remote_id, [datum(1)]))[0], Sent)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (once("GET", "/api/targets", 200, BIG_PAGE), 'a web page, "Sign in"'),
        (once("GET", "/api/targets", 200, {"detail": "?"}), "is no list of targets"),
        (once("GET", "/api/targets", 200, {"results": [{}]}), "is no list of targets"),
        (once("GET", "/api/targets", 404, BIG_PAGE), "HTTP 404"),
        (once("POST", "/api/targets", 201, {"name": "x"}), "has no id"),
        (once("POST", "/api/targets", 201, "{"), "no JSON"),
    ],
)
async def test_a_place_that_is_no_tom_toolkit(
    delivery: Delivery, toolkit: ToolkitDouble, day: BadDay, words: str
) -> None:
    toolkit.bad_days.append(day)
    with pytest.raises(UpstreamRefused) as raised:
        await KIND.send_target(delivery, TARGET, None)
    assert words in raised.value.message


async def test_a_wrong_password_is_told_in_words(site: Site, toolkit: ToolkitDouble) -> None:
    with pytest.raises(UpstreamRefused) as raised:
        await KIND.send_target(delivery_to(site, toolkit.address, password="wrong"), TARGET, None)
    assert raised.value.message.endswith("(HTTP 401): Invalid username/password.")


async def test_a_server_that_never_answers_is_down(
    delivery: Delivery, toolkit: ToolkitDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tomgql.builtin.destinations.toolkit_answers.CALL_S", 0.3)
    remote_id = await put(delivery)
    toolkit.hold(len(toolkit.heard))
    with pytest.raises(UpstreamDown) as raised:
        await KIND.send_data(delivery, TARGET, remote_id, [datum(1)])
    assert "no whole answer within" in raised.value.message
    toolkit.release()
    assert isinstance((await KIND.send_data(delivery, TARGET, remote_id, [datum(1)]))[0], Sent)
    assert len(toolkit.data) == 1


async def test_half_an_answer_is_none(site: Site) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"results": [')
        assert request.transport is not None
        request.transport.abort()
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", half)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with pytest.raises(UpstreamDown):
            await KIND.send_target(delivery_to(site, f"http://127.0.0.1:{runner.addresses[0][1]}"), TARGET, None)
    finally:
        await runner.cleanup()


async def test_a_product_arrives_once_with_its_file(delivery: Delivery, toolkit: ToolkitDouble) -> None:
    remote_id = await put(delivery)
    outcome = await KIND.send_product(delivery, TARGET, remote_id, product())
    assert outcome == Sent("1")
    (arrived,) = toolkit.products
    assert (arrived["file"]["name"], arrived["file"]["content"]) == ("größe.csv", LIGHT_CURVE)
    told = {name: arrived[name] for name in ("product_id", "target", "extra_data", "data_product_type")}
    assert told == {"product_id": "a-product", "target": "1", "extra_data": "é", "data_product_type": "photometry"}
    assert isinstance(await KIND.send_product(delivery, TARGET, remote_id, product()), Sent)
    assert len(toolkit.products) == 1
    assert isinstance(await KIND.send_product(delivery, TARGET, remote_id, product(product_id="our own")), Sent)
    assert toolkit.products[1]["product_id"] == "our own"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (product(b"unreadable"), "It could not be read there, so it was not kept: Data processing error: There was an"
         " error in processing your DataProduct into individual ReducedDatum objects."),
        (product(data_product_type="astrometry"), "HTTP 400: data_product_type: Not a valid data_product_type."),
        (product(b"0" * 1_000_001), "HTTP 413: Request body exceeded the limit."),
    ],
)  # fmt: skip
async def test_a_product_that_is_not_taken(delivery: Delivery, given: SharedProduct, words: str) -> None:
    assert await KIND.send_product(delivery, TARGET, await put(delivery), given) == Refused(words)


async def test_a_product_of_a_target_that_is_gone(delivery: Delivery) -> None:
    with pytest.raises(TargetGone):
        await KIND.send_product(delivery, TARGET, "99", product())


async def test_only_the_host_of_the_destination_is_asked(site: Site, toolkit: ToolkitDouble) -> None:
    http = DestinationHttp(site.rt, "http://127.0.0.1:1")
    with pytest.raises(UpstreamRefused) as raised:
        await http.request("GET", f"{toolkit.address}/api/targets/")
    assert "not one of its hosts" in raised.value.message
    assert toolkit.heard == []


async def test_a_site_of_ours_is_shared_with_as_a_tom_toolkit(site: Site, admin: Person) -> None:
    token = admin.client.token
    assert token is not None
    delivery = delivery_to(site, site.url, username=admin.username, password=token)
    remote_id = await put(delivery)
    data = [datum(number) for number in range(8)] + [
        datum(8, flux_ujy=-5.0),
        datum(9, data_type="astrometry", ra_deg=11.0, dec_deg=12.0, ra_error_arcsec=0.1),
        datum(10, data_type="weather", reported={"seeing": 1.2}),
    ]
    for _ in range(2):
        parts = [KIND.send_data(delivery, TARGET, remote_id, data[at::4]) for at in range(4)]
        outcomes = [each for part in await asyncio.gather(*parts) for each in part]
        assert all(isinstance(each, Sent) for each in outcomes)
        assert isinstance(await KIND.send_product(delivery, TARGET, remote_id, product()), Sent)
    assert await KIND.send_target(delivery, TARGET, remote_id) == Sent(remote_id, "It was there already.")
    question = """query ($name: String!) { target(name: $name) { aliases
      dataProducts { nodes { productId } }
      reducedData(first: 100) { nodes { dataType sourceName revision
        ... on PhotometryDatum { magnitude limit } } } } }"""
    found = (await admin.client.query(question, name=NAMES[0]))["target"]
    assert (found["aliases"], found["dataProducts"]["nodes"]) == ([NAMES[1]], [{"productId": "a-product"}])
    shared = [row for row in found["reducedData"]["nodes"] if row["sourceName"] == "Survey"]
    assert len(shared) == len(data)
    points = [row for row in shared if row["dataType"] == "photometry"]
    assert points[-1]["magnitude"] is None
    assert points[-1]["limit"] == pytest.approx(23.9 - 2.5 * 0.7781512, abs=1e-5)
    assert {row["revision"] for row in shared} == {1}
