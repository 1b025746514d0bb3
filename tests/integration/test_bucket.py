"""The file store in a bucket, against a real S3 server: what is sent, kept, found missing, and told at start."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.object_store import PREFIX, ObjectStore
from tests.support.site import until
from tests.support.wire import wired
from tomgql.doctor import examine
from tomgql.errors import FileStoreDown, TooLarge, Unavailable
from tomgql.files import FileStore, StoredFile, open_files, opening
from tomgql.files.bucket import endpoint_of
from tomgql.settings import Settings

MEBIBYTE = 1024 * 1024
LARGE = os.urandom(MEBIBYTE) * 20


@pytest.fixture
def settings(object_store: ObjectStore, tmp_path: Path) -> Settings:
    """Settings of a file store of the test's own: a prefix that nothing lies below yet."""
    given = object_store.settings(files=f"s3://observatory/{PREFIX}/{tmp_path.name}")
    return Settings(data_dir=tmp_path, **given)


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), MEBIBYTE):
        yield content[start : start + MEBIBYTE]


def named(content: bytes) -> StoredFile:
    return StoredFile(hashlib.sha256(content).hexdigest(), len(content))


async def content_of(files: FileStore, stored: StoredFile) -> bytes:
    return b"".join([chunk async for chunk in files.read(stored.sha256, 0, await files.size_of(stored.sha256))])


@pytest.mark.parametrize("content", [b"", b"one", LARGE])
async def test_what_is_put_can_be_read_and_leaves_nothing_behind(settings: Settings, content: bytes) -> None:
    files = await open_files(settings)
    stored = await files.put(chunks(content), len(content))
    assert stored == named(content)
    assert await content_of(files, stored) == content
    middle = len(content) // 3, len(content) // 2
    assert b"".join([chunk async for chunk in files.read(stored.sha256, *middle)]) == content[slice(*middle)]
    async with files.local(stored.sha256) as path:
        assert path.read_bytes() == content
    assert not path.exists()
    assert list(settings.files_dir.iterdir()) == []


async def test_nothing_is_kept_of_a_file_that_is_too_large(settings: Settings) -> None:
    files = await open_files(settings)
    with pytest.raises(TooLarge, match="larger than 99 bytes"):
        await files.put(chunks(b"x" * 100), 99)
    assert await files.older_than(-60) == []
    assert list(settings.files_dir.iterdir()) == []


async def test_the_same_bytes_are_sent_once(settings: Settings) -> None:
    files = await open_files(settings)
    async with wired(f"{settings.s3_endpoint}/") as (wire, url):
        watched = await open_files(settings.model_copy(update={"s3_endpoint": url}))
        wire.drop_at(b"PUT ")  # so that sending is seen
        with pytest.raises(FileStoreDown):
            await watched.put(chunks(b"same"), 4)
        await files.put(chunks(b"same"), 4)
        assert await watched.put(chunks(b"same"), 4) == named(b"same")


async def test_what_comes_in_pieces_is_kept_until_it_is_forgotten(settings: Settings) -> None:
    files = await open_files(settings)
    settings.files_dir.mkdir()
    files.partial_path("a").write_bytes(LARGE)
    for _ in "12":
        await files.adopt("a", named(LARGE).sha256)
        assert await content_of(files, named(LARGE)) == LARGE
    assert files.partial_names() == ["a"]
    files.discard_partial("a")
    assert list(settings.files_dir.iterdir()) == []


async def test_parts_of_a_file_that_cannot_be_sent_are_removed(settings: Settings, object_store: ObjectStore) -> None:
    async with wired(f"{settings.s3_endpoint}/") as (wire, url):
        files = await open_files(settings.model_copy(update={"s3_endpoint": url}))
        wire.drop_at(b"partNumber=2")
        sending = asyncio.create_task(files.put(chunks(LARGE), len(LARGE)))
        assert len(await until(20, object_store.unfinished)) == 1
        with pytest.raises(FileStoreDown, match="cannot be reached just now; try again"):
            await sending
        assert (object_store.unfinished(), await files.older_than(-60)) == ([], [])
        wire.mend()
        assert await files.put(chunks(LARGE), len(LARGE)) == named(LARGE)
    assert list(settings.files_dir.iterdir()) == []


async def test_a_file_whose_sender_gives_up_is_sent_all_the_same(
    settings: Settings, object_store: ObjectStore
) -> None:
    files = await open_files(settings)
    sending = asyncio.create_task(files.put(chunks(LARGE), len(LARGE)))
    await until(20, object_store.unfinished)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await until(20, lambda: not object_store.unfinished())
    assert await content_of(files, named(LARGE)) == LARGE
    assert list(settings.files_dir.iterdir()) == []


async def test_only_old_files_go_and_only_ours(settings: Settings, object_store: ObjectStore, tmp_path: Path) -> None:
    files = await open_files(settings)
    old, young = [await files.put(chunks(content), 9) for content in (b"old", b"young")]
    other = await open_files(settings.model_copy(update={"files": f"{settings.files}/{'a' * 2}"}))
    foreign = await other.put(chunks(b"another site's"), 99)
    for name in ("incoming-x", "copy-x", "incoming-new"):
        (settings.files_dir / name).write_bytes(b"half")
    for name in ("incoming-x", "copy-x"):
        os.utime(settings.files_dir / name, (0, 0))
    assert await files.older_than(60) == []
    assert [path.name for path in settings.files_dir.iterdir()] == ["incoming-new"]
    assert sorted(await files.older_than(-60)) == sorted([old.sha256, young.sha256])
    assert await files.discard(young.sha256, 60) is False
    assert await files.discard(old.sha256, -60) is True
    assert await files.discard(old.sha256, -60) is False
    assert await content_of(files, young) == b"young"
    assert await content_of(other, foreign) == b"another site's"
    for lost in (files.size_of(old.sha256), content_of(files, old)):
        with pytest.raises(Unavailable, match="not in the file store"):
            await lost


async def test_a_store_that_is_killed_is_an_outage_and_has_everything_afterwards(
    settings: Settings, object_store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    files = await open_files(settings)
    stored = await files.put(chunks(LARGE), len(LARGE))
    object_store.kill()
    try:
        for act in (files.size_of(stored.sha256), files.put(chunks(b"x"), 1), files.older_than(0)):
            with pytest.raises(FileStoreDown):
                await act
        with pytest.raises(FileStoreDown):
            async with files.local(stored.sha256):
                pass
        assert [path.name for path in settings.files_dir.iterdir()] == []
        await open_files(settings)  # a site starts without it
        assert "check TOMGQL_S3_ENDPOINT" in caplog.text
        findings = {each.what: each for each in await examine(settings)}
        assert (findings["files"].well, "cannot be reached" in findings["files"].detail) == (False, True)
    finally:
        object_store.start()
    assert await content_of(files, stored) == LARGE


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"files": "s3://elsewhere/x"}, ['no bucket "elsewhere"', "check TOMGQL_FILES"]),
        ({"s3_secret_access_key": "x"}, ["SignatureDoesNotMatch", "and TOMGQL_S3_SECRET_ACCESS_KEY"]),
        ({"s3_access_key_id": "x"}, ["InvalidAccessKeyId", "check TOMGQL_S3_ACCESS_KEY_ID"]),
        ({"s3_access_key_id": None}, ["both TOMGQL_S3_ACCESS_KEY_ID and TOMGQL_S3_SECRET_ACCESS_KEY"]),
    ],
)  # fmt: skip
async def test_wrong_settings_are_told_at_start(
    settings: Settings, wrong: dict[str, str | None], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    given = {**settings.model_dump(exclude_none=True), **wrong}
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable) as refusal:
        await open_files(Settings(**given))
    assert [part for part in told if part not in refusal.value.message] == []
    findings = {each.what: each for each in await examine(Settings(**given))}
    assert (findings["files"].well, findings["files"].detail) == (False, refusal.value.message)
    assert "not to be told" not in caplog.text + refusal.value.message


async def test_credentials_of_the_usual_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = {"s3_access_key_id": None, "s3_secret_access_key": None}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tomgql")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not to be told")
    files = await open_files(settings.model_copy(update=unset))
    assert await files.put(chunks(b"x"), 1) == named(b"x")
    assert await files.describe() == 'the bucket "observatory" answers'
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Unavailable, match="or AWS_ACCESS_KEY_ID"):
        await open_files(settings.model_copy(update=unset))


def test_where_the_bucket_stands_in_the_address() -> None:
    assert endpoint_of("http://store:9000/", None) == "http://store:9000"
    assert endpoint_of("https://store.example", "observatory") == "https://observatory.store.example"


async def test_without_its_library_the_command_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda _name: None)
    with pytest.raises(Unavailable, match=r"pip install 'tomgql\[s3\]'"):
        await open_files(settings)


@pytest.mark.parametrize(
    "address", ["observatory", "s3://", "s3://UPPER/x", "s3://b/x", "https://host/b", "s3://bucket/a b"]
)
def test_what_is_no_address_of_a_bucket(address: str) -> None:
    with pytest.raises(ValueError, match="files"):
        Settings(files=address)
