"""What the client reads from, and adds to, a document."""

from __future__ import annotations

import pytest

from tomgql.client import InvalidCall, Refused
from tomgql.client.documents import Stream, mutation, stream


@pytest.mark.parametrize(
    ("document", "sent"),
    [
        (
            "subscription { jobs { cursor } }",
            "subscription($resumeAfter: Cursor) { jobs(after: $resumeAfter) { cursor } }",
        ),
        (
            "subscription Mine { jobs(where: {}) { cursor } }",
            "subscription Mine($resumeAfter: Cursor) { jobs(where: {}, after: $resumeAfter) { cursor } }",
        ),
        (
            "subscription ($t: ID = \"ü\", ) { jobs(where: {target: $t} ) { cursor } }",
            "subscription ($t: ID = \"ü\", $resumeAfter: Cursor, )"
            " { jobs(where: {target: $t}, after: $resumeAfter ) { cursor } }",
        ),
    ],
)  # fmt: skip
def test_the_argument_is_added_where_it_is_missing(document: str, sent: str) -> None:
    assert stream(document) == Stream(sent, "jobs", "cursor", "resumeAfter")


def test_a_variable_of_any_name_is_used_and_the_document_kept() -> None:
    document = "subscription ($from: Cursor) { mine: jobs(after: $from) { ...R } } fragment R on JobEvent { c: cursor }"
    found = stream(document)
    assert found == Stream(document, "mine", "c", "from")
    assert found.cursor_of({"mine": {"c": "7"}}) == "7"
    with pytest.raises(InvalidCall, match=r"without `mine\.c`"):
        found.cursor_of({"mine": {}})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("subscription { jobs { at } }", "Select `cursor` under `jobs`"),
        ("subscription { jobs { job { cursor } } }", "Select `cursor` under `jobs`"),
        ('subscription { jobs(after: "5") { cursor } }', "as a variable"),
        ("subscription { jobs { cursor } targets { cursor } }", "one root field, not 2"),
        ("{ jobs { nodes { id } } }", "one operation, a subscription"),
        ("subscription A { jobs { cursor } } subscription B { jobs { cursor } }", "one operation, a subscription"),
        ("subscription { jobs { ...F } } fragment F on JobEvent { ...F }", "Select `cursor`"),
    ],
)
def test_what_cannot_be_resumed_is_refused(document: str, words: str) -> None:
    with pytest.raises(InvalidCall, match=words):
        stream(document)


def test_a_syntax_error_is_told_with_its_place() -> None:
    with pytest.raises(Refused) as refusal:
        stream("subscription {\n  jobs { cursor ")
    assert refusal.value.code == "GRAPHQL_VALIDATION_FAILED"
    assert refusal.value.message == "line 2, column 17: Syntax Error: Expected Name, found <EOF>."


def test_payloads_are_asked_for_their_errors() -> None:
    document = "mutation { a: createTarget { ...F } cancelJob { errors { code } } } fragment F on P { target { id } }"
    sent, payloads = mutation(document)
    assert payloads == ["a", "cancelJob"]
    assert sent == document.replace("...F }", "...F  errors { code message path } }", 1)
    assert mutation(sent)[0] == sent
