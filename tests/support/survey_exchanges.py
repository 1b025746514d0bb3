"""The exchange of every built-in survey service with its double: who is asked about whom, request by request.

What is recorded of an exchange, and what documented only, each double says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support import atlas_double, broker_doubles, ztf_double
from tests.support.atlas_double import AtlasDouble
from tests.support.broker_doubles import BrokersDouble
from tests.support.gaia_double import DATA, TAP, GaiaDouble
from tests.support.irsa_double import IrsaDouble
from tests.support.panstarrs_double import OURS, PanStarrsDouble
from tests.support.survey_doubles import ServiceDouble
from tests.support.ztf_double import ZtfDouble
from tests.unit.processors.test_light_curves_documented import SOURCE

TABLE = "GET /cgi-bin/getForcedPhotometryRequests.cgi"


@dataclass(frozen=True)
class Exchange:
    """A query that succeeds on a good day: whom it is about, what is asked in which order, and what is said then.

    ``facts`` are of the double, ``kept`` is how many files there are when the request of a number has been answered.
    """

    service: str
    double: type[ServiceDouble]
    requests: tuple[str, ...]
    said: str
    target: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[int, int] = field(default_factory=dict)
    path: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)

    def fresh(self, address: str = "") -> ServiceDouble:
        """The double on a good day."""
        return self.double(address=address, **self.facts)

    def files_before(self, number: int) -> int:
        """How many files are kept before the request of this number is made."""
        return max((files for answered, files in self.kept.items() if answered < number), default=0)


def _broker(service: str, place: tuple[float, float], object_: str, *requests: str, **more: Any) -> Exchange:
    title = {"alerce": "ALeRCE", "fink": "Fink", "lasair": "Lasair", "antares": "ANTARES"}[service]
    return Exchange(
        service,
        BrokersDouble,
        requests,
        f"The light curve of {object_} from {title}" + (", 2 pages." if service == "antares" else "."),
        {"raDeg": place[0], "decDeg": place[1]},
        {"radius_arcsec": 20},
        kept=more.pop("kept", {1: 1}),
        **({"path": f"/{service}"} | more),
    )


_EXCHANGES = (
    Exchange(
        "atlas", AtlasDouble,
        ("POST /forcedphot/queue/", "GET /forcedphot/queue/152047/", "GET /forcedphot/static/results/job152047.txt",
         "DELETE /forcedphot/queue/152047/"),
        "147 rows from ATLAS.", {"raDeg": 29.86137, "decDeg": 30.72672}, facts={"looks_until_done": 1},
        kept={2: 1}, path="/forcedphot", secrets={"token": atlas_double.TOKEN},
    ),
    Exchange(
        "ztf_forced", ZtfDouble,
        (TABLE, "GET /cgi-bin/requestForcedPhotometry.cgi", TABLE,
         "GET /ztf/ops/forcedphot/lc/0/69/forcedphotometry_req00069627_lc.txt"),
        "14 rows from ZTF.", {"raDeg": 157.46508442, "decDeg": 9.01294532052},
        {"mjd_min": 58194.0, "mjd_max": 59523.0}, {"looks_until_done": 2}, kept={3: 1}, secrets=ztf_double.SECRETS,
    ),
    Exchange(
        "panstarrs", PanStarrsDouble, ("GET /dr2/mean.csv", "GET /dr2/detection.csv"),
        f"4 detections of object {OURS}, 0.20 arcsec away.", {"raDeg": 229.9620403, "decDeg": 34.8442757},
        kept={0: 1, 1: 2},
    ),
    _broker("alerce", (279.90476625, -4.8708879), broker_doubles.ALERCE, "GET /alerce/objects",
            f"GET /alerce/objects/{broker_doubles.ALERCE}/lightcurve"),
    _broker("fink", (284.6506, 29.0912), broker_doubles.FINK, "POST /fink/api/v1/conesearch",
            "POST /fink/api/v1/objects"),
    _broker("lasair", (280.0, -5.0), broker_doubles.LASAIR, "POST /lasair/api/cone/", "POST /lasair/api/object/",
            secrets={"token": broker_doubles.TOKEN}),
    _broker("antares", (59.7257233, 23.7619434), broker_doubles.LOCUS, "GET /antares/v1/loci",
            *[f"GET /antares/v1/loci/{broker_doubles.LOCUS}/alerts"] * 2,
            path="/antares/v1", facts={"more_pages": 1}, kept={1: 1, 2: 2}),
    Exchange(
        "ztf_public", IrsaDouble, ("GET /nph_light_curves",), "4 rows from ZTF.",
        {"raDeg": 298.0025, "decDeg": 29.87147}, kept={0: 1},
    ),
    Exchange(
        "gaia_alerts", GaiaDouble, ("GET /alert/Gaia14adi/lightcurve.csv",), "4 rows of Gaia14adi.",
        {"raDeg": 243.3, "decDeg": -51.5}, {"alert": "Gaia14adi"}, kept={0: 1},
    ),
    Exchange(
        "gaia_epochs", GaiaDouble, (f"POST {TAP}", f"GET {DATA}"), f"3 rows of source {SOURCE}.",
        {"raDeg": 243.3, "decDeg": -51.5}, kept={1: 1},
    ),
)  # fmt: skip

EXCHANGES = {each.service: each for each in _EXCHANGES}
"""Service -> its exchange."""

STEPS = [(service, number) for service, each in EXCHANGES.items() for number in range(len(each.requests))]
"""Every request of every exchange."""
