"""What a site shares with a TOM Toolkit, and what is to be there of it: expectations are written out, not computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = ("Our SN #7 & all+more", "Alias, with comma", "50% off")
LISTS = ("Bright ones",)
TARGET = {"aliases": [*NAMES[1:]], "raDeg": 123.456, "decDeg": -32.1, "distancePc": 1000.5, "epoch": 2000.0,
          "properMotionRaMasYr": 1.5, "extras": {"redshift": 0.031, "note": "größer", "parts": [1, 2]}}  # fmt: skip
TARGET_THERE = {"name": NAMES[0], "type": "SIDEREAL", "permissions": "PRIVATE", "ra": 123.456, "dec": -32.1,
                "distance": 1000.5, "epoch": 2000.0, "pm_ra": 1.5}  # fmt: skip
EXTRAS_THERE = {"redshift": "0.031", "note": "größer", "parts": "[1,2]"}
ORBIT = {"scheme": "MPC_COMET", "epochOfElementsMjd": 60000.0, "inclinationDeg": 10.5, "eccentricity": 0.9,
         "ascendingNodeLongitudeDeg": 20.0, "perihelionArgumentDeg": 30.0, "perihelionDistanceAu": 1.25,
         "perihelionEpochMjd": 60123.5, "absoluteMagnitude": 17.2, "slope": 4.0}  # fmt: skip
MOVING = {"name": "C/2026 X7", "type": "NON_SIDEREAL", "orbit": ORBIT}
MOVING_THERE = {"name": "C/2026 X7", "type": "NON_SIDEREAL", "ra": None, "dec": None, "scheme": "MPC_COMET",
                "epoch_of_elements": 60000.0, "inclination": 10.5, "eccentricity": 0.9, "lng_asc_node": 20.0,
                "arg_of_perihelion": 30.0, "perihdist": 1.25, "epoch_of_perihelion": 60123.5, "abs_mag": 17.2,
                "slope": 4.0, "mean_anomaly": None}  # fmt: skip
UNIT = "erg / (Angstrom s cm2)"
EQUIPMENT = {"telescope": "T1", "instrument": "I1"}

POINTS: list[tuple[dict[str, Any], Mapping[str, Any] | None]] = [
    ({"mjd": 60083.2, "filter": "r", "mag": 14.81, "magerr": 0.02, "magsys": "AB", **EQUIPMENT},
     {"magnitude": 14.81, "error": 0.02, "unit": "AB mag", "filter": "r", **EQUIPMENT}),
    ({"mjd": 60084.2, "filter": "r", "mag": 15, "magerr": 0.03, "magsys": "AB"},
     {"magnitude": 15.0, "error": 0.03, "unit": "AB mag", "filter": "r"}),
    ({"mjd": 60085.2, "filter": "r", "limit": 19.5, "magsys": "AB", **EQUIPMENT},
     {"limit": 19.5, "unit": "AB mag", "filter": "r", **EQUIPMENT}),
    ({"mjd": 60086.2, "filter": "g", "flux_ujy": 100.0, "flux_error_ujy": 10.0},
     {"magnitude": 18.9, "error": 0.10857362047581, "unit": "AB mag", "filter": "g"}),
    ({"mjd": 60087.2, "filter": "g", "flux_ujy": -5.0, "flux_error_ujy": 2.0},
     {"limit": 21.954621874041, "unit": "AB mag", "filter": "g"}),
    ({"mjd": 60088.2, "filter": "g", "flux_ujy": -5.0}, None),
    ({"mjd": 60089.2, "filter": "V", "mag": 16.25, "magerr": 0.01, "magsys": "Vega"},
     {"magnitude": 16.25, "error": 0.01, "unit": "Vega mag", "filter": "V"}),
]  # fmt: skip
"""Rows of photometry and their values there, in the spelling of 2.x; None for what cannot be told there."""

TIMES = {60083.2: "2023-05-19T04:48:00Z", 60084.2: "2023-05-20T04:48:00Z", 60085.2: "2023-05-21T04:48:00Z",
         60086.2: "2023-05-22T04:48:00Z", 60087.2: "2023-05-23T04:48:00Z", 60089.2: "2023-05-25T04:48:00Z",
         60093.0: "2023-05-29T00:00:00Z"}  # fmt: skip
"""UTC of the days above, as Django REST Framework writes it."""

AXIS, FLUX, ERRORS = [4000.0, 4001.0, 4002.5], [1.5e-15, -2e-16, 3e-15], [1e-17, 2e-17, 3e-17]
SPECTRA = [
    ({"mjd": 60083.2, "wavelength": AXIS, "flux": FLUX, "fluxError": ERRORS, "fluxUnit": UNIT, **EQUIPMENT},
     {"wavelength": AXIS, "wavelength_units": "Angstrom", "flux": FLUX, "flux_units": UNIT, "flux_error": ERRORS,
      **EQUIPMENT}),
    ({"mjd": 60084.2, "wavelength": AXIS, "flux": FLUX, "fluxUnit": UNIT},
     {"wavelength": AXIS, "wavelength_units": "Angstrom", "flux": FLUX, "flux_units": UNIT}),
]  # fmt: skip
POSITIONS = [
    ({"mjd": 60083.2, "ra": 123.4561, "dec": -32.1001, "ra_error_arcsec": 0.05, "dec_error_arcsec": 0.06, **EQUIPMENT},
     {"ra": 123.4561, "dec": -32.1001, "ra_error": 0.05, "ra_error_units": "arcsec", "dec_error": 0.06,
      "dec_error_units": "arcsec", **EQUIPMENT}),
    ({"mjd": 60084.2, "ra": 123.4562, "dec": -32.1002}, {"ra": 123.4562, "dec": -32.1002}),
]  # fmt: skip
OTHERS: list[tuple[dict[str, Any], Mapping[str, Any]]] = [
    ({"mjd": 60093, "seeing": 1.2, "humidity": [40, None]}, {"mjd": 60093, "seeing": 1.2, "humidity": [40, None]}),
]
"""A kind of data of which 2.x knows nothing, as of positions: its list of data types is that of its products."""

ONLY_3X = ("astrometry", "weather")

REVISED = ({**POINTS[0][0], "mag": 14.85}, {**(POINTS[0][1] or {}), "magnitude": 14.85})
"""The first point, measured anew."""

REVISED_ERROR = ({**REVISED[0], "magerr": 0.05}, {**REVISED[1], "error": 0.05})
"""Its error alone, anew."""

NEW = ({"mjd": 60093, "filter": "r", "mag": 16.5, "magerr": 0.02, "magsys": "AB", **EQUIPMENT},
       {"magnitude": 16.5, "error": 0.02, "unit": "AB mag", "filter": "r", **EQUIPMENT})  # fmt: skip
"""A point that comes while the target is shared continuously."""

SOURCE = "Survey"
"""Where all of these are said to come from."""

LIGHT_CURVE = b"time,magnitude,error,filter\n60183.2,15.81,0.02,i\n60184.2,15.91,0.03,i\n"
OF_PRODUCT = [("2023-08-27T04:48:00Z", 15.81, 0.02), ("2023-08-28T04:48:00Z", 15.91, 0.03)]
"""The rows of the product: times, magnitudes, errors."""

UNREADABLE = b"nothing,that,is,photometry\n1,2,3,4\n"

KINDS = {"photometry": POINTS, "spectroscopy": SPECTRA, "astrometry": POSITIONS, "weather": OTHERS}
