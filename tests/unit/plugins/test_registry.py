"""Plug-ins that are sound, that break the contract, that cannot be loaded, and that bear somebody else's name."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.plugins import write_package
from tomgql.errors import UnknownPlugin
from tomgql.plugins.contracts import Hook, check, check_hook
from tomgql.plugins.registry import HookRegistry, ProcessorRegistry

PLUGINS = """
    class Sound:
        name = "sound"; title = "Sound"; version = "1"; occasions = ("data_recorded",)
        def run(self, occasion): return None
    class Renamed(Sound): pass
    class Deaf(Sound): name = "deaf"; occasions = ()
    class Nosy(Sound): name = "nosy"; occasions = ("data_recorded", "coffee")
    class Shy(Sound):
        name = "shy"
        def __init__(self): raise SystemExit("not today")
    class Sly(Sound):
        @property
        def title(self): raise RuntimeError("untitled")
    class Atlas:
        name = "atlas"; title = "Another ATLAS"; version = "1"; data_types = ("photometry",)
        options_schema = {"type": "object"}
        def confidence(self, file): return 100
        def read(self, file, options): raise NotImplementedError
"""
HOOKS = {"sound": "Sound", "renamed": "Renamed", "deaf": "Deaf", "nosy": "Nosy", "shy": "Shy", "sly": "Sly",
         "gone": "Gone"}  # fmt: skip


@pytest.fixture(scope="module")
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    place = tmp_path_factory.mktemp("installed")
    write_package(place, "a_few_plugins", PLUGINS, {"tomgql.hooks": HOOKS, "tomgql.processors": {"atlas": "Atlas"}})
    write_package(place, "z_plugins", PLUGINS, {"tomgql.hooks": {"sound": "Sound"}})
    (place / "broken_plugins.py").write_text("import no_such_module_anywhere\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield


@pytest.mark.usefixtures("_installed")
class TestRegistry:
    def test_a_broken_plugin_is_reported_and_takes_none_along(self) -> None:
        registry = HookRegistry.load()
        assert {name: item.package for name, item in registry.installed.items()} == {"sound": "a-few-plugins"}
        assert {(fault.name, fault.package): fault.fault for fault in registry.faults} == {
            ("renamed", "a-few-plugins"): 'the entry point is named "renamed", the plug-in "sound"',
            ("deaf", "a-few-plugins"): "occasions is empty",
            ("nosy", "a-few-plugins"): 'occasions holds "coffee"',
            ("shy", "a-few-plugins"): "cannot be loaded: SystemExit: not today",
            ("sly", "a-few-plugins"): "cannot be loaded: RuntimeError: untitled",
            ("gone", "a-few-plugins"): "cannot be loaded: AttributeError: module 'a_few_plugins' has no attribute"
            " 'Gone'",
            ("sound", "z-plugins"): "a-few-plugins has a hook of this name already",
        }
        assert str(registry.faults[-1]) == (
            'The hook "sound" of z-plugins is left out: a-few-plugins has a hook of this name already.'
        )

    def test_a_name_of_ours_stays_ours_wherever_the_other_package_stands(self) -> None:
        registry = ProcessorRegistry.load()
        assert registry.locate("atlas").package == "tomgql"
        (fault,) = registry.faults
        assert (fault.name, fault.package, fault.fault) == (
            "atlas", "a-few-plugins", "tomgql has a processor of this name already",
        )  # fmt: skip

    def test_who_wants_to_know(self) -> None:
        registry = HookRegistry.load()
        assert registry.wanting("data_recorded") == ["sound"]
        assert registry.wanting("product_stored") == []
        with pytest.raises(UnknownPlugin, match=r'There is no hook named "loud"\. Known: sound\.'):
            registry.locate("loud")

    def test_a_module_that_cannot_be_imported(self) -> None:
        entry = importlib.metadata.EntryPoint("broken", "broken_plugins:Broken", "tomgql.hooks")
        (fault,) = HookRegistry.load([entry]).faults
        assert fault.fault == "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module_anywhere'"


class SoundHook:
    name = "sound"
    title = "Sound"
    version = "1"
    occasions = ("product_stored",)

    def run(self, occasion: Any) -> None:
        return None


class TestCheck:
    def test_a_sound_hook(self) -> None:
        assert check_hook(SoundHook()) == []
        assert isinstance(SoundHook(), Hook)

    @pytest.mark.parametrize(
        ("changes", "faults"),
        [
            ({"name": "Not A Word"}, ['name "Not A Word" is not a lower-case word of 2 to 50 characters']),
            ({"title": " ", "version": 2}, ["title is no text", "version is no text"]),
            ({"run": "soon"}, ["run is no method"]),
            ({"occasions": "product_stored"}, ["occasions is no tuple of words"]),
            ({"occasions": (1, "product_stored")}, ['occasions holds "1"']),
        ],
    )
    def test_faults_of_a_hook(self, changes: dict[str, Any], faults: list[str]) -> None:
        hook = SoundHook()
        for name, value in changes.items():
            setattr(hook, name, value)
        assert check_hook(hook) == faults

    def test_what_is_missing(self) -> None:
        assert check_hook(object()) == [
            f"{name} is missing" for name in ("name", "title", "version", "occasions", "run")
        ]
        assert check(SoundHook()) == [
            f"{name} is missing" for name in ("data_types", "options_schema", "confidence", "read")
        ]
