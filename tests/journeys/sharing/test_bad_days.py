"""Shares on bad days: destinations that are busy, down, choosy or forgetful."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.receiver_double import TOKEN
from tests.support.sharing import CANCEL, RETRY, Sharing, counts, point
from tests.support.site import until
from tests.support.survey_doubles import cut, once


async def prepared(sharing: Sharing, name: str, data: int) -> str:
    """A target of the sharer's with so many data."""
    target = await sharing.sharer.create_target(name)
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(data)])
    return target


async def in_state(sharing: Sharing, share: str, state: str) -> dict[str, Any]:
    """The share once its job is in a state."""

    async def look() -> Any:
        found = await sharing.read(share)
        return found if found["job"]["state"] == state else None

    found: dict[str, Any] = await until(20, look)
    return found


def global_ids(items: list[dict[str, Any]]) -> list[str]:
    return [each["globalId"] for each in items]


@pytest.mark.parametrize(
    ("bad_day", "words"),
    [
        (once("POST", "/data", 429, "too many of you", **{"Retry-After": "3000"}), "A receiver is busy: too many"),
        (once("POST", "/data", 503, "gone fishing"), "A receiver does not answer: HTTP 503"),
        (cut("POST", "/targets"), "A receiver does not answer:"),
    ],
    ids=["busy", "down", "cut off"],
)
async def test_a_destination_that_is_away_is_waited_for(sharing: Sharing, bad_day: Any, words: str) -> None:
    target = await prepared(sharing, f"SN 2026 {words[11:40]}", 7)
    await sharing.save_destination(title="A receiver")
    sharing.double.bad_days.append(bad_day)
    share = await sharing.share(targets=[target])
    waiting = await in_state(sharing, share, "WAITING")
    assert waiting["job"]["message"].startswith(words)
    assert waiting["queued"] > 0
    assert waiting["failed"] == 0
    assert counts(await sharing.ended(share)) == {"items": 8, "sent": 8}
    assert len(set(sharing.double.arrivals)) == 8


async def test_a_wrong_password_fails_the_job_and_keeps_what_is_to_go(sharing: Sharing) -> None:
    target = await prepared(sharing, "SN 2026pwd", 7)
    assert (await sharing.save_destination(secrets={"token": "not the right one"}))["errors"] == []
    share = await sharing.share(targets=[target])
    found = await sharing.ended(share)
    assert (found["job"]["state"], found["job"]["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
    assert found["job"]["error"]["message"] == "A receiver: HTTP 401: who are you? to Bearer ***"
    assert found["job"]["error"]["retryable"]
    assert counts(found) == {"items": 8, "queued": 8}
    await sharing.save_destination(secrets={"token": TOKEN})
    await sharing.sharer.client.query(RETRY, id=found["job"]["id"])
    assert counts(await sharing.ended(share)) == {"items": 8, "sent": 8}


async def test_bad_items_keep_no_others_and_are_retried_alone(sharing: Sharing) -> None:
    target = await prepared(sharing, "SN 2026bad", 20)
    rows = await sharing.site.rt.reads.fetch("select global_id::text as g from reduced_data order by id desc limit 3")
    bad = [row["g"] for row in rows]
    sharing.double.refuses = dict.fromkeys(bad, (f"no {TOKEN} negative\n fluxes", True))
    share = await sharing.share(targets=[target])
    found = await sharing.ended(share)
    assert counts(found) == {"items": 21, "sent": 18, "failed": 3}
    assert found["job"]["error"]["message"] == "3 of 21 items were not taken; the share's `ledger` says why."
    failed = await sharing.ledger(share, state=["FAILED"])
    assert sorted(global_ids(failed)) == sorted(bad)
    assert {(each["answer"], each["attempts"], each["remoteId"]) for each in failed} == {
        ("no *** negative fluxes", 1, None)
    }
    sharing.double.refuses.clear()
    sharing.double.arrivals.clear()
    await sharing.sharer.client.query(RETRY, id=found["job"]["id"])
    assert counts(await sharing.ended(share)) == {"items": 21, "sent": 21}
    assert sorted(sharing.double.arrivals) == sorted(bad)


async def test_an_item_that_is_not_taken_for_the_moment_is_tried_eight_times(sharing: Sharing) -> None:
    target = await prepared(sharing, "SN 2026mom", 6)
    bad = await sharing.site.rt.reads.fetchval("select global_id::text from reduced_data order by id desc limit 1")
    sharing.double.refuses = {bad: ("the disk is full", False)}
    share = await sharing.share(targets=[target])
    waiting = await in_state(sharing, share, "WAITING")
    assert counts(waiting) == {"items": 7, "sent": 6, "queued": 1}
    assert waiting["job"]["message"] == "1 items are tried again later."
    (item,) = await sharing.ledger(share, state=["QUEUED"])
    assert (item["attempts"], item["answer"]) == (1, "the disk is full")
    pauses_s = await sharing.site.rt.reads.fetchrow(
        "select extract(epoch from due - now())::float, (select extract(epoch from waiting_until - now())::float"
        " from jobs where id = l.job_id) from share_ledger l where state = 'QUEUED'"
    )
    assert all(40 < pause_s <= 60 for pause_s in pauses_s)
    found = await sharing.ended(share)
    assert counts(found) == {"items": 7, "sent": 6, "failed": 1}
    assert (await sharing.ledger(share, state=["FAILED"]))[0]["attempts"] == 8


async def test_what_hangs_on_a_target_that_is_not_taken_ends_with_it(sharing: Sharing) -> None:
    target = await prepared(sharing, "SN 2026not", 3)
    other = await prepared(sharing, "SN 2026yes", 3)
    key = await sharing.site.rt.reads.fetchval("select global_id::text from targets where id = $1", int(target[1:]))
    sharing.double.refuses = {key: ("we have another one of this name", True)}
    share = await sharing.share(targets=[target, other])
    found = await sharing.ended(share)
    assert counts(found) == {"items": 8, "sent": 4, "failed": 4}
    failed = await sharing.ledger(share, target=target)
    assert [each["answer"] for each in failed] == [
        "we have another one of this name", *["Its target was not taken: we have another one of this name"] * 3
    ]  # fmt: skip


async def test_a_target_that_is_gone_there_is_given_anew(sharing: Sharing) -> None:
    target = await prepared(sharing, "SN 2026gon", 3)
    await sharing.ended(await sharing.share(targets=[target]))
    sharing.double.known.clear()
    await sharing.data(sharing.sharer, target, point(10))
    share = await sharing.share(targets=[target])
    assert counts(await sharing.ended(share)) == {"items": 5, "unchanged": 4, "sent": 1}
    (there,) = sharing.double.targets.values()
    assert there["known"] is None
    assert len(sharing.double.data) == 4


async def test_after_seven_days_without_an_answer_the_items_are_given_up(sharing: Sharing) -> None:
    target = await prepared(sharing, "SN 2026old", 3)
    sharing.double.bad_days += [once("POST", "/targets", 503) for _ in range(2)]
    share = await sharing.share(targets=[target])
    await in_state(sharing, share, "WAITING")
    await sharing.site.rt.writes.execute("update share_ledger set due = now() - interval '8 days'")
    found = await sharing.ended(share)
    assert counts(found) == {"items": 4, "failed": 4}
    assert {each["answer"] for each in await sharing.ledger(share)} == {"Given up after 7 days: HTTP 503"}
    await sharing.sharer.client.query(RETRY, id=found["job"]["id"])
    assert counts(await sharing.ended(share)) == {"items": 4, "sent": 4}


async def test_a_share_can_be_cancelled_and_taken_up_again(sharing: Sharing) -> None:
    target = await prepared(sharing, "SN 2026can", 30)
    sharing.double.hold(1)
    share = await sharing.share(targets=[target])
    await asyncio.wait_for(sharing.double.held.wait(), 20)
    job = (await sharing.read(share))["job"]["id"]
    await sharing.sharer.client.query(CANCEL, id=job)
    found = await in_state(sharing, share, "CANCELLED")
    sharing.double.release()
    assert found["queued"] >= 20
    arrived = len(sharing.double.arrivals)
    await asyncio.sleep(1)
    assert len(sharing.double.arrivals) == arrived
    await sharing.sharer.client.query(RETRY, id=job)
    assert counts(await sharing.ended(share)) == {"items": 31, "sent": 31}
    assert len(sharing.double.data) == 30
