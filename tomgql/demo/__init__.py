"""Sample targets with real data, for a first look: a supernova with its light curve, and a minor planet.

They take the visitors' road: the file is uploaded and its job is run by the worker. Sources: ASASSN-15oz, Bostroem
et al. 2019 (MNRAS 485, 5120), values from abostroem/asassn15oz (BSD-3-Clause); elements of (1) Ceres from JPL's
Small-Body Database, solution 34.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files

from tomgql.access.principal import Principal
from tomgql.errors import DuplicateName
from tomgql.runtime import Runtime
from tomgql.services.products import NewProduct, register_product
from tomgql.services.target_checks import NewTarget
from tomgql.services.targets import create_target

SUPERNOVA = NewTarget(
    name="ASASSN-15oz",
    access="OPEN",
    ra_hms="19:19:33.55",
    dec_dms="-33:46:01.2",
    extras={"class": "SN IIL", "host": "HIPASS J1919-33", "redshift": 0.006931},
)

CERES = NewTarget(
    name="Ceres",
    type="NON_SIDEREAL",
    access="OPEN",
    aliases=("(1) Ceres", "1943 XB"),
    orbit={
        "scheme": "MPC_MINOR_PLANET",
        "epoch_of_elements_mjd": 58200.0,
        "inclination_deg": 10.5935097971363,
        "ascending_node_longitude_deg": 80.30991865594387,
        "perihelion_argument_deg": 73.11534200131032,
        "eccentricity": 0.07553461024389638,
        "mean_anomaly_deg": 352.2304611765882,
        "semimajor_axis_au": 2.767046248500289,
        "absolute_magnitude": 3.34,
        "slope": 0.12,
    },
)


async def fill_in(rt: Runtime, admin: Principal) -> list[str]:
    """Create the sample targets unless they are there; returns lines for the operator."""
    try:
        (supernova,) = await create_target(rt, admin, SUPERNOVA)
        await create_target(rt, admin, CERES)
    except DuplicateName:
        return ["The demonstration data are there already."]
    name = "asassn15oz.csv"
    content = files("tomgql.demo").joinpath(name).read_bytes()
    await register_product(rt, admin, NewProduct(target_id=supernova, file_name=name), _whole(content))
    return ["Created the targets ASASSN-15oz and Ceres; the worker reads the light curve of ASASSN-15oz."]


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
