"""One reading with data of all kinds: through the sandbox, into the table and back by the public door."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.people import Person
from tests.support.site import Site
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput
from tomgql.plugins.sandbox import Limits, Sandbox, SandboxRequest, SandboxResult
from tomgql.services.ingest import Origin, Recorded, record_data
from tomgql.store.transaction import transaction

MIXED = """
    import numpy as np
    from tomgql.domain.astrometry import Astrometry
    from tomgql.domain.columns import interpret_photometry
    from tomgql.domain.measurements import GenericData, Reading
    from tomgql.domain.options import ColumnOptions
    from tomgql.domain.spectra import Spectrum

    def texts(text):
        return np.array([text], dtype=object)

    class Mixed:
        name = "mixed"; title = "Mixed"; version = "1"; options_schema = {"type": "object"}
        data_types = ("photometry", "spectroscopy", "astrometry", "note")
        def confidence(self, file): return 1
        def read(self, file, options):
            columns = {"mjd": [59000.25], "mag": [20.0], "magerr": [0.1], "filter": ["ztfr"]}
            reading = interpret_photometry(columns, ColumnOptions(), file_name=file.name)
            size = options.get("samples", 3)
            axis = np.linspace(4000.0, 5000.0, size)
            flux = np.full(size, options.get("flux", 1.0)); flux[1] = np.nan
            reading.spectra = [
                Spectrum(wavelength_angstrom=axis + shift, flux_values=flux, flux_error_values=flux / 10,
                         flux_unit="Jy", medium="VACUUM", mjd_utc=59000.25, instrument="EFOSC", exposure_s=60.0,
                         reported='{"arm": %d}' % shift)
                for shift in (0, 5000)
            ]
            none, at = texts(None), np.array([59000.25])
            reading.astrometry = Astrometry(
                at, np.array([10.5]), np.array([-5.0]), np.array([0.1]), np.array([np.nan]), texts("F51"), none, none,
                none, none, texts("exact"), ["{}"], np.array([1]))
            reading.generic = GenericData("note", at, none, none, none, none, ['{"text": "clear"}'], np.array([1]))
            return reading
"""
READ = """
query ($t: ID!) { reducedData(where: {target: $t}) { nodes {
  dataType mjd value revision instrument
  ... on PhotometryDatum { band magnitude }
  ... on SpectroscopyDatum { wavelength(unit: NM) flux fluxError fluxUnit medium exposureSeconds }
  ... on AstrometryDatum { raDeg decDeg raErrorArcsec decErrorArcsec observatoryCode } } } }
"""


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    place = tmp_path_factory.mktemp("plugins")
    (place / "mixed_processor.py").write_text(textwrap.dedent(MIXED))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        async with Sandbox() as opened:
            yield opened


async def read(sandbox: Sandbox, place: Path, **options: Any) -> SandboxResult:
    (place / "any").write_text("any")
    processors = (("mixed", "mixed_processor:Mixed"),)
    request = SandboxRequest(place / "any", "any", "photometry", processors, place, options=options, preview_rows=3)
    return await sandbox.read(request, Limits())


async def record(site: Site, target: str, result: SandboxResult) -> Recorded:
    origin = Origin(int(target[1:]), Principal(is_admin=True))
    async with transaction(site.rt.writes) as tx:
        return await record_data(tx, origin, str(result.rows_path))


async def test_all_kinds_of_one_reading(admin: Person, site: Site, sandbox: Sandbox, tmp_path: Path) -> None:
    target = await admin.create_target("mixed")
    result = await read(sandbox, tmp_path)
    assert (result.rows, [note.code for note in result.notes if "REPEATED" in note.code]) == (5, ["REPEATED_TIME"])
    assert await record(site, target, result) == Recorded(5, 0, 0)
    assert await record(site, target, result) == Recorded(0, 0, 5)
    nodes = (await admin.client.query(READ, t=target))["reducedData"]["nodes"]
    kinds = {node.pop("dataType") + str(node["value"].get("arm", "")): node for node in nodes}
    assert sorted(kinds) == ["astrometry", "note", "photometry", "spectroscopy0", "spectroscopy5000"]
    assert {node["mjd"] for node in nodes} == {59000.25}
    assert kinds["note"]["value"] == {"text": "clear"}
    assert (kinds["photometry"]["band"], kinds["photometry"]["magnitude"]) == ("ztfr", pytest.approx(20.0))
    assert kinds["spectroscopy5000"] == {
        "mjd": 59000.25, "value": {"arm": 5000}, "revision": 1, "instrument": "EFOSC", "wavelength": [900, 950, 1000],
        "flux": [1.0, None, 1.0], "fluxError": [0.1, None, 0.1], "fluxUnit": "Jy", "medium": "VACUUM",
        "exposureSeconds": 60.0,
    }  # fmt: skip
    assert kinds["astrometry"] == {
        "mjd": 59000.25, "value": {}, "revision": 1, "instrument": None, "raDeg": 10.5, "decDeg": -5.0,
        "raErrorArcsec": 0.1, "decErrorArcsec": None, "observatoryCode": "F51",
    }  # fmt: skip


async def test_other_fluxes_are_revisions(admin: Person, site: Site, sandbox: Sandbox, tmp_path: Path) -> None:
    target = await admin.create_target("mixed again")
    assert await record(site, target, await read(sandbox, tmp_path)) == Recorded(5, 0, 0)
    assert await record(site, target, await read(sandbox, tmp_path, flux=2.0)) == Recorded(0, 2, 3)
    nodes = (await admin.client.query(READ, t=target))["reducedData"]["nodes"]
    assert sorted((node["flux"], node["revision"]) for node in nodes if "flux" in node) == [
        ([2.0, None, 2.0], 2),
        ([2.0, None, 2.0], 2),
    ]
    kept = await site.rt.reads.fetchval(
        "select record->'flux_values' from reduced_data_revisions where target_id = $1 limit 1", int(target[1:])
    )
    assert kept == [1.0, None, 1.0]


async def test_long_spectra_are_stored_whole_and_previewed_by_their_first_samples(
    admin: Person, site: Site, sandbox: Sandbox, tmp_path: Path
) -> None:
    target = await admin.create_target("mixed and long")
    result = await read(sandbox, tmp_path, samples=100_000)
    assert result.preview[1]["data_type"] == "spectroscopy"
    assert result.preview[1]["flux_values"] == [1.0, None, *[1.0] * 8]
    assert result.preview[0]["flux_values"] is None
    assert await record(site, target, result) == Recorded(5, 0, 0)
    sizes = await site.rt.reads.fetch(
        "select cardinality(flux_values) as n from reduced_data where target_id = $1 and data_type = 'spectroscopy'",
        int(target[1:]),
    )
    assert [row["n"] for row in sizes] == [100_000, 100_000]


@pytest.mark.parametrize(
    "harm",
    [
        lambda rows: b"mjd,mag" + rows,
        lambda rows: rows[:-100],
        lambda rows: rows.replace(b"\0\0\0\x08", b"\0\0\0\x04", 1),
        lambda rows: rows.replace(b"photometry", b"photo\xffetry", 1),
    ],
    ids=["other format", "cut off", "a number too short", "no text"],
)
async def test_damaged_rows_are_the_processors_mistake(
    harm: Callable[[bytes], bytes], admin: Person, site: Site, sandbox: Sandbox, tmp_path: Path, request: Any
) -> None:
    target = await admin.create_target(f"mixed with damage: {request.node.callspec.id}")
    result = await read(sandbox, tmp_path)
    result.rows_path.write_bytes(harm(result.rows_path.read_bytes()))
    with pytest.raises(InvalidInput, match="cannot be stored"):
        await record(site, target, result)
    assert (await admin.client.query(READ, t=target))["reducedData"]["nodes"] == []
