"""Thumbnails: what is drawn of which file, and what is said of files that cannot be drawn."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.images import a_sky, fits_file, opened, picture
from tomgql.domain.stretch import grey_levels
from tomgql.errors import UnreadableFile
from tomgql.plugins import thumbnail_child
from tomgql.plugins.thumbnail_child import draw_thumbnail

EXIF = Image.Exif()
EXIF[0x0112] = 6  # turned by 90 degrees
EXIF[0x010E] = "where the secret is"


def draw(folder: Path, content: bytes) -> Any:
    """The thumbnail of a file of this content; None where it holds no image."""
    source = folder / "upload"
    source.write_bytes(content)
    said = draw_thumbnail({"path": str(source), "name": "f.dat"}, folder)
    return opened((folder / "thumbnail.png").read_bytes()) if said["drawn"] else None


class TestStretch:
    def test_a_star_is_white_the_sky_grey_and_what_is_missing_black(self) -> None:
        levels = grey_levels(a_sky().astype(float))
        assert levels.shape == (300, 200)
        assert levels[240, 60] == 255
        assert set(levels[:15].ravel().tolist()) == {0}
        assert 100 < np.median(levels[20:]) < 220

    @pytest.mark.parametrize(
        ("pixels", "levels"),
        [
            ([[np.nan, np.nan]], [[0, 0]]),
            ([[5.0, 5.0], [5.0, np.nan]], [[197, 197], [197, 0]]),
            ([[1e308, -1e308], [np.inf, 3.0]], [[255, 0], [0, 197]]),
            ([[0.0, -0.0]], [[197, 197]]),
        ],
    )
    def test_odd_values(self, pixels: Any, levels: Any) -> None:
        assert grey_levels(np.array(pixels)).tolist() == levels


class TestFits:
    def test_the_first_row_is_lowest(self, tmp_path: Path) -> None:
        drawn = draw(tmp_path, fits_file(a_sky()))
        assert (drawn.mode, drawn.size) == ("L", (171, 256))
        levels = np.asarray(drawn)
        assert levels[-8:].max() == 0
        assert levels[51, 51] == 255

    def test_a_small_image_is_not_enlarged(self, tmp_path: Path) -> None:
        assert draw(tmp_path, fits_file(a_sky(40, 60))).size == (60, 40)

    def test_first_image_of_several_extensions(self, tmp_path: Path) -> None:
        table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=np.ones(3))])
        spectrum = fits.ImageHDU(np.ones(2000))
        content = fits_file(fits.PrimaryHDU(), table, spectrum, fits.ImageHDU(a_sky(40, 30)), fits.ImageHDU(a_sky()))
        assert draw(tmp_path, content).size == (30, 40)

    @pytest.mark.parametrize("shape", [(3, 40, 30), (2, 3, 40, 30)])
    def test_first_plane_of_a_cube(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        cube = np.zeros(shape, dtype=">i2")
        cube[(0,) * (len(shape) - 2)] = np.arange(1200).reshape(40, 30)
        levels = np.asarray(draw(tmp_path, fits_file(cube)))
        assert levels.shape == (40, 30)
        assert (levels[-1, 0], levels[0, -1]) == (0, 255)

    @pytest.mark.parametrize("wrap", [fits.CompImageHDU, fits.ImageHDU])
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_compressed(self, tmp_path: Path, wrap: Any, pack: Any) -> None:
        plain = np.asarray(draw(tmp_path, fits_file(a_sky())))
        content = pack(fits_file(fits.PrimaryHDU(), wrap(a_sky())))
        levels = np.asarray(draw(tmp_path, content)).astype(int)
        assert np.abs(levels - plain).mean() < 3

    def test_scaled_integers_and_blanks(self, tmp_path: Path) -> None:
        hdu = fits.ImageHDU(np.arange(1200, dtype=np.uint16).reshape(30, 40) + 40_000)
        assert np.asarray(draw(tmp_path, fits_file(fits.PrimaryHDU(), hdu)))[0, -1] == 255

    def test_a_large_image_is_sampled(self, tmp_path: Path) -> None:
        wide = np.zeros((3, 30_000), dtype=">i2")
        wide[:, 15_000:] = 100
        drawn = draw(tmp_path, fits_file(wide))
        assert drawn.size == (256, 1)
        assert np.asarray(drawn)[0, [0, 255]].tolist() == [0, 255]

    @pytest.mark.parametrize("hdus", [[np.ones(100)], [np.ones((1, 100))], [fits.PrimaryHDU()]])
    def test_no_image(self, tmp_path: Path, hdus: Any) -> None:
        assert draw(tmp_path, fits_file(*hdus)) is None

    def test_damage_is_told_in_words(self, tmp_path: Path) -> None:
        whole = fits_file(a_sky(20, 20))
        huge = whole.replace(b"NAXIS1  =                   20", b"NAXIS1  =          20000000000")
        for content, words in (
            (whole[:3000], r"f\.dat: the FITS file is damaged or cut off \("),
            (huge, r"the image has 20000000000 x 20 pixels; at most 1000000 a side are drawn\."),
            (b"SIMPLE  = junk", "the FITS file is damaged or cut off"),
            (gzip.compress(whole)[:200], "the gzip file is damaged or cut off"),
        ):
            with pytest.raises(UnreadableFile, match=words):
                draw(tmp_path, content)

    def test_what_unpacks_to_too_much_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(thumbnail_child, "MOST_UNPACKED_BYTES", 1000)
        with pytest.raises(UnreadableFile, match="unpacked, it has more than 1000 bytes"):
            draw(tmp_path, gzip.compress(fits_file(a_sky())))


class TestPictures:
    @pytest.mark.parametrize(
        ("kind", "mode", "drawn"),
        [("PNG", "RGB", "RGB"), ("PNG", "RGBA", "RGBA"), ("PNG", "LA", "RGBA"), ("PNG", "P", "RGB"), ("PNG", "1", "L"),
         ("PNG", "I;16", "L"), ("JPEG", "RGB", "RGB"), ("JPEG", "CMYK", "RGB"), ("JPEG", "L", "L"),
         ("GIF", "P", "RGB"), ("TIFF", "F", "L"), ("TIFF", "I;16", "L"), ("TIFF", "LAB", "RGB")],
    )  # fmt: skip
    def test_kinds(self, tmp_path: Path, kind: str, mode: str, drawn: str) -> None:
        image = draw(tmp_path, picture(kind, mode))
        assert (image.size, image.mode) == ((256, 128), drawn)

    def test_it_is_turned_as_it_was_taken_and_its_exif_dropped(self, tmp_path: Path) -> None:
        content = picture("JPEG", exif=EXIF)
        assert b"where the secret is" in content
        image = draw(tmp_path, content)
        assert image.size == (128, 256)
        assert (image.info, dict(image.getexif())) == ({}, {})
        assert b"secret" not in (tmp_path / "thumbnail.png").read_bytes()

    def test_what_is_no_image_is_told_in_words(self, tmp_path: Path) -> None:
        for content, words in (
            (b"<html>", r"f\.dat: the file is no image; FITS, PNG, JPEG, GIF or TIFF would be one\."),
            (b"", "the file is no image"),
            (picture("BMP", size=(9, 9)), "the file is no image"),
            (picture("PNG")[:200], "the image is damaged or cut off"),
            (picture("JPEG")[:400], "the image is damaged or cut off"),
            (picture("PNG", "1", (10_001, 10_000)), "the image has more than 100000000 pixels, which is not drawn"),
            (picture("PNG", "1", (20_001, 10_000)), "the image has more than 100000000 pixels, which is not drawn"),
        ):
            with pytest.raises(UnreadableFile, match=words):
                draw(tmp_path, content)


SEEDS = [fits_file(a_sky(40, 30)), fits_file(fits.PrimaryHDU(), fits.CompImageHDU(a_sky(40, 30))),
         *(picture(kind, size=(40, 30)) for kind in ("PNG", "JPEG", "GIF", "TIFF"))]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.sampled_from(SEEDS),
    cut=st.floats(0, 1),
    places=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=4),
)
def test_a_mangled_image_is_drawn_or_refused(tmp_path: Path, seed: bytes, cut: float, places: Any) -> None:
    content = bytearray(seed)
    for place, written in places:
        start = int(place * (len(content) - len(written)))
        content[start : start + len(written)] = written
    mangled = bytes(content[: max(1, int(cut * len(content)))] if cut < 0.5 else content)
    try:
        image = draw(tmp_path, mangled)
    except (UnreadableFile, MemoryError):
        return
    assert image is None or max(image.size) <= 256
