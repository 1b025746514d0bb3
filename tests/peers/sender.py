"""A TOM Toolkit that shares all it has; run by that release's own Python, in a project made of its own templates.

``sender.py PROJECT FILE``: what is done and said goes to the file, as JSON. Only the toolkit's own sharing code speaks;
nothing of tomgql is imported.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

PROJECT, REPORT = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(PROJECT))
os.environ["DJANGO_SETTINGS_MODULE"] = "peer.settings"

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)

from tom_dataproducts import models as data  # noqa: E402
from tom_dataproducts.data_processor import run_data_processor  # noqa: E402
from tom_dataproducts.sharing import share_data_with_tom, sharing_feedback_converter  # noqa: E402
from tom_targets import sharing  # noqa: E402
from tom_targets.models import PersistentShare, Target, TargetExtra, TargetList, TargetName  # noqa: E402

TYPED = hasattr(data, "PhotometryReducedDatum")
"""Whether this is a 3.x."""

USERNAME = "astronomer"
"""Who shares there."""

START = datetime(2023, 5, 19, 4, 48, tzinfo=UTC)
LIGHT_CURVE = b"time,magnitude,error,filter\n60183.2,15.81,0.02,g\n60184.2,15.91,0.03,g\n"
UNIT = "erg / (Angstrom s cm2)"


def make_target(name: str, *aliases: str) -> Any:
    target = Target.objects.create(name=name, type="SIDEREAL", ra=123.456, dec=-32.1, distance=1000.5, epoch=2000)
    for alias in aliases:
        TargetName.objects.create(target=target, name=alias)
    TargetExtra.objects.create(target=target, key="redshift", value="0.031")
    return target


def share_moving_target(number: int) -> dict[str, Any]:
    """A minor planet, with nothing but its elements."""
    elements = {"epoch_of_elements": 60000.0, "inclination": 10.5, "lng_asc_node": 20.0, "arg_of_perihelion": 30.0,
                "eccentricity": 0.1, "mean_anomaly": 40.0, "semimajor_axis": 2.5, "abs_mag": 17.2}  # fmt: skip
    name = f"2026 XX{number}"
    target = Target.objects.create(name=name, type="NON_SIDEREAL", scheme="MPC_MINOR_PLANET", **elements)
    return {"name": name, "told": share_target(target), "elements": elements}


def save_other(target: Any) -> list[dict[str, Any]]:
    """A datum of no kind that is read, which names the sender's own product; 2.x has none but the types of its site."""
    if not TYPED:
        return []
    product = data.DataProduct.objects.create(target=target, data_product_type="image_file")
    when = START + timedelta(hours=250)
    value = {"seeing": 1.2, "humidity": [40, None]}
    data.ReducedDatum.objects.create(
        target=target, data_product=product, timestamp=when, source_name="Survey", data_type="weather", value=value
    )
    return [{"timestamp": when.isoformat(), "value": value}]


def save_point(target: Any, hours: int, magnitude: float | None, limit: float | None) -> dict[str, Any]:
    """A point as this release keeps it; what it is, in one spelling."""
    when = START + timedelta(hours=hours)
    plain = {"target": target, "timestamp": when, "source_name": "Survey"}
    if TYPED:
        data.PhotometryReducedDatum.objects.create(
            **plain, brightness=magnitude, brightness_error=None if magnitude is None else 0.02, limit=limit,
            bandpass="r", telescope="T1", instrument="I1"
        )  # fmt: skip
    else:
        shared = {"filter": "r", "telescope": "T1", "instrument": "I1"}
        value = {"limit": limit} if magnitude is None else {"magnitude": magnitude, "error": 0.02}
        data.ReducedDatum.objects.create(**plain, data_type="photometry", value={**value, **shared})
    return {"timestamp": when.isoformat(), "magnitude": magnitude, "limit": limit}


def save_spectrum(target: Any) -> dict[str, Any]:
    wavelength, flux = [4000.0 + number for number in range(50)], [1.5e-15 * number for number in range(50)]
    when = START + timedelta(hours=100)
    plain = {"target": target, "timestamp": when, "source_name": "Survey"}
    if TYPED:
        data.SpectroscopyReducedDatum.objects.create(
            **plain, wavelength=wavelength, flux=flux, error=[1e-17] * 50, flux_unit=UNIT, wavelength_unit="Angstrom",
            telescope="T1", instrument="I1"
        )  # fmt: skip
    else:
        value = {"wavelength": wavelength, "wavelength_units": "Angstrom", "flux": flux, "flux_units": UNIT}
        data.ReducedDatum.objects.create(**plain, data_type="spectroscopy", value=value)
    return {"timestamp": when.isoformat(), "wavelength": wavelength, "flux": flux}


def save_position(target: Any) -> list[dict[str, Any]]:
    """A position, which 2.x has no kind of data for."""
    if not TYPED:
        return []
    when = START + timedelta(hours=200)
    data.AstrometryReducedDatum.objects.create(
        target=target, timestamp=when, source_name="Survey", ra=123.4561, dec=-32.1001, ra_error=50.0, dec_error=60.0,
        ra_error_units="mas", dec_error_units="mas", telescope="T1", instrument="I1"
    )  # fmt: skip
    return [{"timestamp": when.isoformat(), "raDeg": 123.4561, "decDeg": -32.1001, "raErrorArcsec": 0.05}]


def share_target(target: Any, lists: Any = ()) -> str:
    """Its own sharing, as its pages call it; what it would tell its user."""
    user = {"user": User.objects.get(username=USERNAME)} if TYPED else {}
    return said(sharing.share_target_with_tom("ours", {"target": target}, lists, **user))


def number_of_release() -> int:
    return 3 if TYPED else 2


def said(response: Any) -> str:
    text: str = sharing_feedback_converter(response)
    return text


def share_continuously(target: Any) -> list[dict[str, Any]]:
    """Set up continuous sharing, then save a datum: the toolkit sends it in the same breath."""
    PersistentShare.objects.create(target=target, destination="ours", user=User.objects.get(username=USERNAME))
    return [save_point(target, 300, 16.5, None)]


def share_everything() -> dict[str, Any]:
    """Everything that a TOM shares, in the order in which its user would."""
    User.objects.create_superuser(USERNAME, "a@example.org", "secret")
    number = number_of_release()
    target = make_target(f"Peer's SN +{number} & all", f"Alias, with comma {number}")
    shared_list = TargetList.objects.create(name="Bright ones")
    points = [save_point(target, 0, 14.81, None), save_point(target, 1, 14.9, None), save_point(target, 2, None, 19.5)]
    kinds = {"spectra": [save_spectrum(target)], "positions": save_position(target), "others": save_other(target)}
    told = {
        "target": share_target(target, [shared_list]),
        "target again": share_target(target, [shared_list]),
        "data": said(share_data_with_tom("ours", None, target_id=target.id)),
        "data again": said(share_data_with_tom("ours", None, target_id=target.id)),
    }
    product = data.DataProduct.objects.create(target=target, product_id=f"lc-{TYPED}", data_product_type="photometry")
    product.data.save("lc.csv", ContentFile(LIGHT_CURVE))
    run_data_processor(product)
    told["product"] = said(share_data_with_tom("ours", None, product_id=product.id))
    told["product again"] = said(share_data_with_tom("ours", None, product_id=product.id))
    points += share_continuously(target)
    names = {"name": target.name, "aliases": target.names[1:], "moving": share_moving_target(number_of_release())}
    return {**names, "told": told, "points": points, **kinds}


REPORT.write_text(json.dumps(share_everything()))
