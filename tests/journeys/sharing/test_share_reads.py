"""Shares, continuous shares and their items as they are read: compiled and on the slow path alike."""

from __future__ import annotations

import pytest

from tests.support.reads import Reads
from tests.support.sharing import Sharing, point
from tests.support.site import running_worker
from tomgql.services import accounts

ALL = """{
  shares { totalCount nodes {
    id destination message items unchanged queued sent failed refused created createdBy { username } job { kind state }
    ledger(where: {state: [SENT, FAILED, QUEUED], kind: REDUCED_DATUM}, first: 2) {
      totalCount pageInfo { hasNextPage } nodes {
        id destination kind globalId state attempts answer remoteId created due sent
        target { name } dataProduct { id } reducedDatum { id } } }
    others: ledger(where: {target: "t1", kind: DATA_PRODUCT}) { nodes {
      kind target { name } dataProduct { fileName } reducedDatum { id } } } } }
  continuousShares { nodes {
    id destination options paused message queued failed created modified lag { events seconds }
    target { name continuousShares { id } } targetList { id } createdBy { username } job { state } } }
  sharingDestinations { name capabilities isConfigured address peer { username } }
}"""


@pytest.fixture(scope="module", autouse=True)
def worker() -> None:
    """None, but for the share that has gone."""


async def test_they_are_read_the_same_on_both_roads(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026rd")
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(4)])
    stored = await sharing.sharer.client.upload(target, "a.txt", b"a", dataProductType="image_file", process=False)
    given = {"targets": [target], "dataProducts": [stored["dataProduct"]["id"]], "message": "both"}
    gone = await sharing.share(**given)
    with running_worker(sharing.site.settings):
        await sharing.ended(gone)
    await sharing.share(targets=[target], resend=True)
    await sharing.follow(target=target, options={"folder": "x"})
    await sharing.data(sharing.sharer, target, point(20))
    actor = await accounts.principal_of_user(sharing.site.rt, int(sharing.sharer.id[1:]))
    compiled, slow = [await Reads(sharing.site).data(ALL, actor=actor, slow=slow) for slow in (False, True)]
    for answer in (compiled, slow):
        for rule in answer["continuousShares"]["nodes"]:
            assert 0 < rule["lag"].pop("seconds") < 60
    assert compiled == slow
    newer, older = compiled["shares"]["nodes"]
    assert (older["sent"], older["message"], older["ledger"]["totalCount"]) == (6, "both", 4)
    assert older["ledger"]["pageInfo"] == {"hasNextPage": True}
    (product,) = older["others"]["nodes"]
    assert product == {
        "kind": "DATA_PRODUCT", "target": {"name": "SN 2026rd"}, "dataProduct": {"fileName": "a.txt"},
        "reducedDatum": None,
    }  # fmt: skip
    assert newer["ledger"]["nodes"] == []
    (rule,) = compiled["continuousShares"]["nodes"]
    assert (rule["lag"], rule["options"], rule["job"]) == ({"events": 1}, {"folder": "x"}, None)
