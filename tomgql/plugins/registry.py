"""The plug-ins that are installed, found by entry point and checked before use.

A broken plug-in is reported and left out; it takes none of the others with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, Self, TypeVar

from tomgql.errors import InvalidInput, UnknownPlugin
from tomgql.plugins.contracts import Hook, Processor, SourceFile, check, check_hook
from tomgql.plugins.destinations import DestinationKind, check_destination
from tomgql.plugins.resolvers import NameResolver, check_resolver
from tomgql.plugins.surveys import SurveyService, check_survey

PROCESSOR_GROUP, HOOK_GROUP, SURVEY_GROUP = "tomgql.processors", "tomgql.hooks", "tomgql.surveys"
RESOLVER_GROUP, DESTINATION_GROUP = "tomgql.resolvers", "tomgql.destinations"
"""Groups of entry points."""

OURS = "tomgql"
"""The package that comes first where two have a plug-in of one name."""

Plugin = TypeVar("Plugin")


@dataclass(frozen=True)
class PluginFault:
    """A plug-in that cannot be used: its kind, name, the package it came with, and what is wrong."""

    kind: str
    name: str
    package: str
    fault: str

    def __str__(self) -> str:
        return f'The {self.kind} "{self.name}" of {self.package} is left out: {self.fault}.'


@dataclass(frozen=True)
class Installed(Generic[Plugin]):
    """A plug-in, and where it is found: ``module:Class``."""

    plugin: Plugin
    location: str
    package: str


@dataclass
class Registry(ABC, Generic[Plugin]):
    """Plug-ins of one kind by name, and the faults of those left out."""

    kind: ClassVar[str]
    group: ClassVar[str]

    installed: dict[str, Installed[Plugin]] = field(default_factory=dict)
    faults: list[PluginFault] = field(default_factory=list)

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> Self:
        """Load the entry points of the group, or the ones given."""
        registry = cls()
        for entry in sorted(entry_points(group=cls.group), key=_rank) if found is None else found:
            registry._add(entry)
        return registry

    @staticmethod
    @abstractmethod
    def faults_of(plugin: Any) -> list[str]:
        """What keeps a plug-in from meeting its contract: one sentence a fault."""

    def _add(self, entry: EntryPoint) -> None:
        package = _package(entry)
        plugin, faults = _load(entry, self.faults_of)
        if not faults and entry.name in self.installed:
            faults = [f"{self.installed[entry.name].package} has a {self.kind} of this name already"]
        if faults:
            self.faults.append(PluginFault(self.kind, entry.name, package, "; ".join(faults)))
            return
        self.installed[entry.name] = Installed(plugin, entry.value, package)

    def locate(self, name: str) -> Installed[Plugin]:
        """The plug-in of this name and its place. Raises `UnknownPlugin`, which lists the known ones."""
        if name not in self.installed:
            raise UnknownPlugin(self.kind, name, self.installed)
        return self.installed[name]


class HookRegistry(Registry[Hook]):
    """The hooks that are installed."""

    kind = "hook"
    group = HOOK_GROUP

    @staticmethod
    def faults_of(plugin: Any) -> list[str]:
        """See `tomgql.plugins.contracts.check_hook`."""
        return check_hook(plugin)

    def wanting(self, occasion: str) -> list[str]:
        """Names of the hooks that want to be told of an occasion."""
        return sorted(name for name, item in self.installed.items() if occasion in item.plugin.occasions)


class SurveyRegistry(Registry[SurveyService]):
    """The survey services that are installed."""

    kind = "survey service"
    group = SURVEY_GROUP

    @staticmethod
    def faults_of(plugin: Any) -> list[str]:
        """See `tomgql.plugins.surveys.check_survey`."""
        return check_survey(plugin)


class ResolverRegistry(Registry[NameResolver]):
    """The name resolvers that are installed."""

    kind = "name resolver"
    group = RESOLVER_GROUP

    @staticmethod
    def faults_of(plugin: Any) -> list[str]:
        """See `tomgql.plugins.resolvers.check_resolver`."""
        return check_resolver(plugin)


class DestinationRegistry(Registry[DestinationKind]):
    """The kinds of sharing destination that are installed."""

    kind = "kind of destination"
    group = DESTINATION_GROUP

    @staticmethod
    def faults_of(plugin: Any) -> list[str]:
        """See `tomgql.plugins.destinations.check_destination`."""
        return check_destination(plugin)


class ProcessorRegistry(Registry[Processor]):
    """The processors that are installed."""

    kind = "processor"
    group = PROCESSOR_GROUP

    @staticmethod
    def faults_of(plugin: Any) -> list[str]:
        """See `tomgql.plugins.contracts.check`."""
        return check(plugin)

    def processor(self, name: str) -> Processor:
        """The processor of this name. Raises `UnknownPlugin`."""
        return self.locate(name).plugin

    def choose_processor(self, file: SourceFile, name: str | None = None) -> Processor:
        """The named processor, or the one that is surest of the file; the first by name among equals.

        Raises `UnknownPlugin` for an unknown name and `InvalidInput` when no processor knows the file.
        """
        if name is not None:
            return self.processor(name)
        sure = [(-_confidence(item.plugin, file), key) for key, item in self.installed.items()]
        best = min(sure, default=(0, ""))
        if best[0] == 0:
            known = ", ".join(sorted(self.installed)) or "none"
            raise InvalidInput(f"{file.name}: no processor knows this kind of file. Name one of: {known}.")
        return self.installed[best[1]].plugin


def _package(entry: EntryPoint) -> str:
    return (entry.dist.name if entry.dist is not None else None) or "unknown package"


def _rank(entry: EntryPoint) -> tuple[str, bool, str]:
    return entry.name, _package(entry) != OURS, _package(entry)


def _load(entry: EntryPoint, faults_of: Callable[[Any], list[str]]) -> tuple[Any, Sequence[str]]:
    try:
        found = entry.load()
        plugin = found() if isinstance(found, type) else found
        faults = list(faults_of(plugin))
        if not faults and plugin.name != entry.name:
            faults = [f'the entry point is named "{entry.name}", the plug-in "{plugin.name}"']
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - a stranger's code may raise anything while it loads
        return None, [f"cannot be loaded: {type(fault).__name__}: {fault}"]
    return plugin, faults


def _confidence(processor: Processor, file: SourceFile) -> int:
    try:
        return max(0, min(100, int(processor.confidence(file))))
    except Exception:  # noqa: BLE001 - a stranger's detection must not hide everybody else's
        return 0
