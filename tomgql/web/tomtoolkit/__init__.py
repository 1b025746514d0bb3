"""The REST interface of TOM Toolkit, as far as its own code calls it to share, and scripts to list.

Followed: tom_base 2.32 and 3.1 (``tom_targets/sharing.py``, ``tom_dataproducts/sharing.py``, and the view sets and
serializers that they talk to), https://github.com/TOMToolkit/tom_base. A sender of either release is served unchanged:
the same paths, HTTP Basic, statuses and bodies. What differs is said where it does: never anonymous, names with commas
and signs find their target, limits are kept.

Nothing here decides: `tomgql.services` changes, `tomgql.reading` answers.
"""

from __future__ import annotations

from starlette.routing import Route

from tomgql.web.tomtoolkit import data, products
from tomgql.web.tomtoolkit.entrance import door
from tomgql.web.tomtoolkit.listing import index, list_groups
from tomgql.web.tomtoolkit.targets import change_target, list_matching, show_target, take_target


def routes() -> list[Route]:
    """Every path with and without its last slash: a redirected POST would come again as a GET."""
    doors = {
        "/api": door({"GET": index}),
        "/api/groups": door({"GET": list_groups}),
        "/api/dataproducts": door({"GET": products.list_matching, "POST": products.take_product}),
        "/api/reduceddatums": door({"GET": data.list_matching, "POST": data.take_datum}),
        "/api/targets": door({"GET": list_matching, "POST": take_target}),
        "/api/targets/{id}": door({"GET": show_target, "PATCH": change_target}),
    }
    return [
        Route(path + slash, each.respond, methods=each.methods) for path, each in doors.items() for slash in ("/", "")
    ]
