"""What the server says of itself: bands, processors, types of data product, viewer, server."""

from __future__ import annotations

from tests.support.people import Person
from tests.support.site import Site


async def test_bands_processors_and_types(site: Site) -> None:
    found = await site.client().query(
        "{bands {name aliases wavelengthAngstrom abMinusVega colour} processors {name dataTypes optionsSchema}"
        " dataProductTypes {name isProcessed}}"
    )
    bands = {band["name"]: band for band in found["bands"]}
    assert bands["bessellb"]["abMinusVega"] == -0.09
    assert bands["ztfr"]["abMinusVega"] is None
    processors = {item["name"]: item for item in found["processors"]}
    assert set(processors) >= {"photometry", "atlas"}
    assert processors["photometry"]["optionsSchema"]["type"] == "object"
    assert {"name": "photometry", "isProcessed": True} in found["dataProductTypes"]
    assert {"name": "image_file", "isProcessed": False} in found["dataProductTypes"]


async def test_who_asks(site: Site, admin: Person) -> None:
    query = "{viewer {user {username} isAnonymous isAdmin scopes userGroups {name}} server {name latestCursor}}"
    nobody = await site.client().query(query)
    assert nobody["viewer"] == {
        "user": None,
        "isAnonymous": True,
        "isAdmin": False,
        "scopes": ["read"],
        "userGroups": [],
    }
    known = await admin.client.query(query)
    assert known["viewer"]["user"] == {"username": "root"}
    assert known["viewer"]["isAdmin"] is True
    assert known["server"]["name"] == "tomgql"
