"""What arrived of what a TOM Toolkit shared, read through GraphQL and compared row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.support.people import Person
from tests.support.site import until

READ = """query ($name: String!) { target(name: $name) {
  name aliases access extras distancePc coordinates { raDeg decDeg } targetLists { name }
  dataProducts { nodes { productId fileName processing { state } } }
  reducedData(first: 1000) { nodes { dataType timestamp sourceName telescope instrument revision
    ... on PhotometryDatum { band magnitude(system: AS_REPORTED) limit(system: AS_REPORTED) }
    ... on SpectroscopyDatum { wavelength spectrum: flux fluxUnit }
    ... on AstrometryDatum { raDeg decDeg raErrorArcsec }
    ... on GenericDatum { value dataProduct { id } } } } } }"""

READ_MOVING = """query ($name: String!) { target(name: $name) { type orbit { scheme epochOfElementsMjd inclinationDeg
  ascendingNodeLongitudeDeg perihelionArgumentDeg eccentricity meanAnomalyDeg semimajorAxisAu absoluteMagnitude } } }"""

UNIT = "erg / (Angstrom s cm2)"


async def compare(release: str, sent: Mapping[str, Any], person: Person) -> tuple[list[str], Counter[str]]:
    """What differs, in words, nothing when all is as it was sent; and how much arrived, by kind.

    What the release itself does not send is said.
    """
    typed = not release.startswith("2.")

    async def read() -> Any:
        found = (await person.client.query(READ, name=sent["name"]))["target"]
        states = [product["processing"]["state"] for product in found["dataProducts"]["nodes"]]
        return found if all(state in ("SUCCEEDED", "FAILED") for state in states) else None

    found = await until(60, read)
    points = [point for point in sent["points"] if not typed or point["limit"] is None]  # 3.x leaves limits out
    faults = _differences("told", _expected_words(sent, typed), sent["told"])
    faults += _differences("target", _expected_target(sent, typed), {name: found[name] for name in _TARGET})
    rows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in _KINDS}
    for row in found["reducedData"]["nodes"]:
        rows[row["dataType"]].append(row)
    direct = [row for row in rows["photometry"] if row["band"] == "r"]
    faults += _rows("point", [_point(point) for point in points], direct)
    of_file = [row for row in rows["photometry"] if row["band"] == "g"]
    faults += _rows("point of the product", _OF_PRODUCT, of_file)
    faults += _rows("spectrum", [_spectrum(each) for each in sent["spectra"]], rows["spectroscopy"])
    faults += _rows("position", [_position(each) for each in sent["positions"]], rows["astrometry"])
    faults += _rows("other datum", [_other(each) for each in sent["others"]], rows["weather"])
    faults += await _moving(sent["moving"], person)
    products = [{"productId": f"lc-{typed}", "fileName": "lc.csv", "processing": {"state": "SUCCEEDED"}}]
    faults += _rows("product", products, found["dataProducts"]["nodes"])
    print(f"{release}: {len(sent['points']) - len(points)} limits that the release does not send")
    print(*(f"  {name}: {words}" for name, words in sent["told"].items()), sep="\n")
    counts = Counter({name: len(each) for name, each in rows.items()})
    counts.update({"photometry": -len(of_file), "data of products": len(of_file)})
    counts.update({"targets": 2, "products": len(found["dataProducts"]["nodes"])})
    return faults, counts


_KINDS = ("photometry", "spectroscopy", "astrometry", "weather")

_TARGET = ("name", "aliases", "access", "extras", "distancePc", "coordinates", "targetLists")

_OF_PRODUCT = [
    {"timestamp": "2023-08-27T04:48:00.000Z", "magnitude": 15.81, "limit": None, "revision": 1},
    {"timestamp": "2023-08-28T04:48:00.000Z", "magnitude": 15.91, "limit": None, "revision": 1},
]


def _expected_words(sent: Mapping[str, Any], typed: bool) -> dict[str, str]:
    # The data were shared before the last point, which went by itself.
    count = len(sent["points"]) - 1 + sum(len(sent[kind]) for kind in ("spectra", "positions", "others"))
    lost = sum(point["limit"] is not None for point in sent["points"]) if typed else 0
    data = f"{count - lost} of {count} datums successfully saved."
    return {
        "target": "Target successfully uploaded.",
        "target again": "Target successfully updated.",
        "data": data,
        "data again": data,
        "product": "Data product successfully uploaded.",
        "product again": "Data product already exists. Skipping upload.",
    }


def _expected_target(sent: Mapping[str, Any], typed: bool) -> dict[str, Any]:
    sharers = {"shared_by": "astronomer", "shared_from": "Peer"} if typed else {}
    return {
        "name": sent["name"],
        "aliases": sent["aliases"],
        "access": "PRIVATE",
        "extras": {"tomtoolkit": {**sharers, "extras": {"redshift": "0.031"}}},
        "distancePc": 1000.5,
        "coordinates": {"raDeg": 123.456, "decDeg": -32.1},
        "targetLists": [{"name": "Imported From Peer"}, {"name": "Bright ones"}],
    }


def _shared(datum: Mapping[str, Any]) -> dict[str, Any]:
    moment = datetime.fromisoformat(datum["timestamp"]).astimezone(UTC)
    when = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": when, "sourceName": "Survey", "revision": 1}


def _point(datum: Mapping[str, Any]) -> dict[str, Any]:
    measured = {name: datum[name] for name in ("magnitude", "limit")}
    return {**_shared(datum), **measured, "band": "r", "telescope": "T1", "instrument": "I1"}


def _spectrum(datum: Mapping[str, Any]) -> dict[str, Any]:
    return {**_shared(datum), "wavelength": datum["wavelength"], "spectrum": datum["flux"], "fluxUnit": UNIT}


def _position(datum: Mapping[str, Any]) -> dict[str, Any]:
    return {**_shared(datum), **{name: datum[name] for name in ("raDeg", "decDeg", "raErrorArcsec")}}


def _other(datum: Mapping[str, Any]) -> dict[str, Any]:
    moment = datetime.fromisoformat(datum["timestamp"]).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {**_shared(datum), "value": {**datum["value"], "timestamp": moment}, "dataProduct": None}


async def _moving(sent: Mapping[str, Any], person: Person) -> list[str]:
    found = (await person.client.query(READ_MOVING, name=sent["name"]))["target"]
    elements = {"scheme": "MPC_MINOR_PLANET", **dict(zip(_ELEMENTS, sent["elements"].values(), strict=True))}
    faults = _differences("moving target", {"told": "Target successfully uploaded."}, sent)
    return faults + _differences("moving target", {"type": "NON_SIDEREAL", "orbit": elements}, found)


_ELEMENTS = ("epochOfElementsMjd", "inclinationDeg", "ascendingNodeLongitudeDeg", "perihelionArgumentDeg",
             "eccentricity", "meanAnomalyDeg", "semimajorAxisAu", "absoluteMagnitude")  # fmt: skip


def _rows(what: str, expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[str]:
    if len(expected) != len(found):
        return [f"{what}: {len(found)} instead of {len(expected)}: {found}"]
    pairs = enumerate(zip(expected, found, strict=True), 1)
    return [
        fault
        for number, (wanted, row) in pairs
        for fault in _differences(f"{what} {number}", wanted, {name: row[name] for name in wanted})
    ]


def _differences(what: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [
        f"{what}, {name}: {found.get(name)!r} instead of {value!r}"
        for name, value in expected.items()
        if found.get(name) != value
    ]
