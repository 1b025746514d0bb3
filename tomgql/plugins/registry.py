"""The plug-ins that are installed, found by entry point and checked before use.

A broken plug-in is reported and left out; it takes none of the others with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points

from tomgql.errors import InvalidInput, UnknownPlugin
from tomgql.plugins.contracts import Processor, SourceFile, check

PROCESSOR_GROUP = "tomgql.processors"


@dataclass(frozen=True)
class PluginFault:
    """A plug-in that cannot be used: its name, the package it came with, and what is wrong."""

    name: str
    package: str
    fault: str


@dataclass(frozen=True)
class Installed:
    """A processor, and where it is found: ``module:Class``."""

    processor: Processor
    location: str
    package: str


@dataclass
class ProcessorRegistry:
    """Processors by name, and the faults of those left out."""

    installed: dict[str, Installed] = field(default_factory=dict)
    faults: list[PluginFault] = field(default_factory=list)

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> ProcessorRegistry:
        """Load the entry points of `PROCESSOR_GROUP`, or the ones given."""
        registry = cls()
        for entry in entry_points(group=PROCESSOR_GROUP) if found is None else found:
            registry._add(entry)
        return registry

    def _add(self, entry: EntryPoint) -> None:
        package = entry.dist.name if entry.dist is not None else "unknown package"
        processor, faults = _load(entry)
        if not faults and entry.name in self.installed:
            faults = [f"{self.installed[entry.name].package} has a processor of this name already"]
        if faults or processor is None:
            self.faults.append(PluginFault(entry.name, package, "; ".join(faults)))
            return
        self.installed[entry.name] = Installed(processor, entry.value, package)

    def processor(self, name: str) -> Processor:
        """The processor of this name. Raises `UnknownPlugin`, which lists the known ones."""
        return self.locate(name).processor

    def locate(self, name: str) -> Installed:
        """The processor of this name and its place. Raises `UnknownPlugin`."""
        if name not in self.installed:
            raise UnknownPlugin("processor", name, self.installed)
        return self.installed[name]

    def choose_processor(self, file: SourceFile, name: str | None = None) -> Processor:
        """The named processor, or the one that is surest of the file; the first by name among equals.

        Raises `UnknownPlugin` for an unknown name and `InvalidInput` when no processor knows the file.
        """
        if name is not None:
            return self.processor(name)
        sure = [(-_confidence(item.processor, file), key) for key, item in self.installed.items()]
        best = min(sure, default=(0, ""))
        if best[0] == 0:
            known = ", ".join(sorted(self.installed)) or "none"
            raise InvalidInput(f"{file.name}: no processor knows this kind of file. Name one of: {known}.")
        return self.installed[best[1]].processor


def _load(entry: EntryPoint) -> tuple[Processor | None, Sequence[str]]:
    try:
        found = entry.load()
        processor = found() if isinstance(found, type) else found
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - a stranger's code may raise anything while it loads
        return None, [f"cannot be loaded: {type(fault).__name__}: {fault}"]
    faults = check(processor)
    if not faults and processor.name != entry.name:
        faults = [f'the entry point is named "{entry.name}", the processor "{processor.name}"']
    return processor, faults


def _confidence(processor: Processor, file: SourceFile) -> int:
    try:
        return max(0, min(100, int(processor.confidence(file))))
    except Exception:  # noqa: BLE001 - a stranger's detection must not hide everybody else's
        return 0
