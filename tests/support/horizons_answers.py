"""Texts of JPL Horizons as its documentation and clients show them; none was recorded for these tests.

The numbers are of Neptune's barycentre at the beginning of 2000, from a stored page of the service.
"""

from __future__ import annotations

RULE = "*" * 79
SEVERAL_NEPTUNES = f"""{RULE}
Multiple major-bodies match string "NEPTUNE*"

  ID#      Name                               Designation  IAU/aliases/other
  -------  ---------------------------------- -----------  -------------------
        8  Neptune Barycenter
      899  Neptune                                         NVIII, Poseidon

   Number of matches =  2. Use ID# to make unique selection.
{RULE}
"""
NOBODY = f"""{RULE}
JPL/DASTCOM            Small-body Index Search Results     2026-Nov-25 07:53:18

 Comet AND asteroid index search:

    NAME = NOBODY;

 Matching small-bodies:

No matches found.
{RULE}
"""
_ELEMENTS = {
    "EC": "8.677891985709630E-03", "QR": "2.980995251778984E+01", "IN": "1.770208090186799E+00",
    "OM": "1.317829470230629E+02", "W": "2.732186862917064E+02", "Tp": "2.468284842001492E+06",
    "N": "5.980562072415470E-03", "MA": "2.598833455466113E+02", "TA": "2.589063025526959E+02",
    "A": "3.007090457964457E+01", "AD": "3.033185664149930E+01", "PR": "6.019501104427142E+04",
}  # fmt: skip


def elements(body: str, jd: str) -> str:
    """The elements of a body at a Julian date, with commas between them."""
    names = ["JDTDB", "Calendar Date (TDB)", *_ELEMENTS]
    cells = [jd, "A.D. 2026-Nov-25 00:00:00.0000", *_ELEMENTS.values()]
    return f"""{RULE}
Ephemeris / API_USER Wed Nov 25 04:06:47 2026 Pasadena, USA      / Horizons
{RULE}
Target body name: {body}                     {{source: DE441}}
Center body name: Sun (10)                        {{source: DE441}}
Output units    : AU-D, deg, Julian Day Number (Tp)
{RULE}
{"".join(f"{name:>23}," for name in names)}
{RULE}
$$SOE
{"".join(f"{cell:>23}," for cell in cells)}
$$EOE
{RULE}
"""
