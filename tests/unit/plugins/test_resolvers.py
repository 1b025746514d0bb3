"""The contract of name resolvers."""

from __future__ import annotations

from typing import Any

import pytest

from tomgql.plugins.registry import ResolverRegistry
from tomgql.plugins.resolvers import check_resolver


def a_resolver(**facts: Any) -> Any:
    async def resolve(self: Any, query: Any) -> tuple[()]:
        return ()

    usual = {
        "name": "mine", "title": "Mine", "description": "My names.", "version": "1", "credentials": ("token",),
        "addresses": {"main": "https://names.example"}, "requests_per_minute": 60.0, "resolve": resolve,
    }  # fmt: skip
    return type("Mine", (), {name: value for name, value in (usual | facts).items() if value is not None})()


def test_ours_are_sound() -> None:
    registry = ResolverRegistry.load()
    assert [fault for fault in registry.faults if fault.package == "tomgql"] == []
    assert {"horizons", "ned", "sbdb", "sesame", "simbad", "tns"} <= registry.installed.keys()
    assert check_resolver(a_resolver()) == []


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"resolve": None}, "resolve is missing"),
        ({"resolve": 7}, "resolve is no method"),
        ({"addresses": {}}, "addresses is no mapping of names to addresses"),
        ({"addresses": {"main": "ftp://names.example"}}, 'addresses holds "ftp://names.example"'),
        ({"credentials": "token"}, "credentials is no tuple of lower-case words"),
        ({"requests_per_minute": float("inf")}, "requests_per_minute is no positive number"),
        ({"name": "Mine!"}, 'name "Mine!" is not a lower-case word of 2 to 50 characters'),
    ],
)
def test_what_breaks_the_contract_is_told(facts: dict[str, Any], fault: str) -> None:
    assert check_resolver(a_resolver(**facts)) == [fault]
