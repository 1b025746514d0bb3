"""Enumerations."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry


def value(name: str, what: str) -> Any:
    """An enum value with its description."""
    return strawberry.enum_value(name, description=what)


@strawberry.enum(description="Rights on a target.")
class Permission(Enum):
    VIEW = value("VIEW", "See it and what belongs to it; part of every right.")
    CHANGE = value("CHANGE", "Change it, upload data products, record reduced data.")
    DELETE = value("DELETE", "Delete it.")
    SHARE = value("SHARE", "Give rights on it to others, and share it with other TOMs.")


@strawberry.enum(description="Whether a target stands still among the stars.")
class TargetType(Enum):
    SIDEREAL = value("SIDEREAL", "Has fixed coordinates.")
    NON_SIDEREAL = value("NON_SIDEREAL", "Moves; has orbital elements.")


@strawberry.enum(description="Who may see a target.")
class TargetAccess(Enum):
    OPEN = value("OPEN", "Anyone, signed in or not.")
    PUBLIC = value("PUBLIC", "Any signed-in user.")
    PRIVATE = value("PRIVATE", "Holders of a grant.")


@strawberry.enum(description="Sets of orbital elements.")
class OrbitScheme(Enum):
    MPC_MINOR_PLANET = value("MPC_MINOR_PLANET", "Minor Planet Center, minor planets.")
    MPC_COMET = value("MPC_COMET", "Minor Planet Center, comets.")
    JPL_MAJOR_PLANET = value("JPL_MAJOR_PLANET", "JPL, major planets.")


@strawberry.enum(description="Units of flux density.")
class FluxUnit(Enum):
    NJY = value("NJY", "Nanojansky, AB zero point 31.4.")
    UJY = value("UJY", "Microjansky, AB zero point 23.9.")
    MJY = value("MJY", "Millijansky, AB zero point 16.4.")
    JY = value("JY", "Jansky, AB zero point 8.9.")


@strawberry.enum(description="Magnitude systems.")
class MagnitudeSystem(Enum):
    AB = value("AB", "AB magnitudes (Oke & Gunn 1983).")
    VEGA = value("VEGA", "Vega magnitudes; null in bands without a published AB - Vega offset.")
    AS_REPORTED = value("AS_REPORTED", "The magnitude as its source gave it, unconverted.")


@strawberry.enum(description="Time scales.")
class TimeScale(Enum):
    UTC = value("UTC", "Coordinated Universal Time.")
    TAI = value("TAI", "International Atomic Time.")
    TT = value("TT", "Terrestrial Time, TAI + 32.184 s.")
    TDB = value("TDB", "Barycentric Dynamical Time, geocentric, good to 10 microseconds.")


@strawberry.enum(description="Units of wavelength.")
class WavelengthUnit(Enum):
    ANGSTROM = value("ANGSTROM", "Angstrom, 0.1 nm.")
    NM = value("NM", "Nanometre.")
    MICRON = value("MICRON", "Micrometre.")


@strawberry.enum(description="In which medium wavelengths hold.")
class SpectralMedium(Enum):
    AIR = value("AIR", "In air.")
    VACUUM = value("VACUUM", "In vacuum.")
    UNKNOWN = value("UNKNOWN", "Not stated by the source.")


@strawberry.enum(description="How serious a note is.")
class NoteLevel(Enum):
    INFO = value("INFO", "Something that was done or assumed.")
    WARNING = value("WARNING", "Something to look at.")
    ERROR = value("ERROR", "Why the file could not be read.")


@strawberry.enum(description="States of a job.")
class JobState(Enum):
    QUEUED = value("QUEUED", "Waits for a worker.")
    RUNNING = value("RUNNING", "A worker is at it.")
    WAITING = value("WAITING", "Waits until `waitingUntil` for its next step.")
    SUCCEEDED = value("SUCCEEDED", "Ended well.")
    FAILED = value("FAILED", "Ended badly; `error` says why.")
    CANCELLED = value("CANCELLED", "Was cancelled.")


@strawberry.enum(description="Direction of an order.")
class SortDirection(Enum):
    ASC = value("ASC", "Smallest first; null last.")
    DESC = value("DESC", "Largest first; null first.")


@strawberry.enum(description="What targets can be sorted by.")
class TargetOrderField(Enum):
    NAME = value("NAME", "Name, by code point.")
    CREATED = value("CREATED", "Time of creation.")
    MODIFIED = value("MODIFIED", "Time of the last change.")
    RA = value("RA", "Right ascension; null for moving targets.")
    DEC = value("DEC", "Declination; null for moving targets.")
    SEPARATION = value("SEPARATION", "Distance on the sky from the point `from`; null for moving targets.")


@strawberry.enum(description="What data products can be sorted by.")
class DataProductOrderField(Enum):
    CREATED = value("CREATED", "Time of the upload.")
    MODIFIED = value("MODIFIED", "Time of the last change.")
    FILE_NAME = value("FILE_NAME", "File name, by code point.")


@strawberry.enum(description="What reduced data can be sorted by.")
class ReducedDatumOrderField(Enum):
    TIMESTAMP = value("TIMESTAMP", "Time of the measurement.")
    CREATED = value("CREATED", "Time at which it was recorded.")


@strawberry.enum(description="What to do with a row about what exists already: a datum with other content, a name.")
class OnDuplicate(Enum):
    SKIP = value("SKIP", "Keep what is stored.")
    REVISE = value("REVISE", "Store the row's content: of a datum as a new revision, the old one is kept.")
    ERROR = value("ERROR", "Reject the row.")


@strawberry.enum(description="What became of a row.")
class RowOutcome(Enum):
    CREATED = value("CREATED", "Stored as new.")
    REVISED = value("REVISED", "Stored as a new revision.")
    UNCHANGED = value("UNCHANGED", "Was there already, with the same content.")
    REJECTED = value("REJECTED", "Was not taken; `message` says why.")


@strawberry.enum(description="What a destination of shares may be given.")
class DestinationCapability(Enum):
    TARGETS = value("targets", "Targets.")
    DATA_PRODUCTS = value("data_products", "Files of targets.")
    REDUCED_DATA = value("reduced_data", "Reduced data of targets.")


@strawberry.enum(description="What an item of a share is.")
class ShareItemKind(Enum):
    TARGET = value("TARGET", "A target.")
    DATA_PRODUCT = value("DATA_PRODUCT", "A data product.")
    REDUCED_DATUM = value("REDUCED_DATUM", "A reduced datum.")


@strawberry.enum(description="What became of an item of a share.")
class ShareItemState(Enum):
    QUEUED = value("QUEUED", "Is to go.")
    SENT = value("SENT", "The destination has it.")
    FAILED = value("FAILED", "The destination did not take it; `answer` has its words.")
    REFUSED = value("REFUSED", "Could not go: its sharer may not share it any more, or it is gone.")


@strawberry.enum(description="How the following of another server stands.")
class PeerState(Enum):
    STARTING = value("STARTING", "A worker will take it up.")
    COPYING = value("COPYING", "What is there already is being copied.")
    FOLLOWING = value("FOLLOWING", "Every change is heard of.")
    INTERRUPTED = value("INTERRUPTED", "The server does not answer; it is asked again by itself.")
    REFUSED = value("REFUSED", "The server refuses, or is another one; it goes on when somebody changes it.")
    PAUSED = value("PAUSED", "Somebody has paused it.")


@strawberry.enum(description="What something that changed is.")
class ChangedKind(Enum):
    TARGETS = value("TARGETS", "A target.")
    DATA_PRODUCTS = value("DATA_PRODUCTS", "A data product.")
    REDUCED_DATA = value("REDUCED_DATA", "Reduced data.")


@strawberry.enum(description="What happened to something.")
class Change(Enum):
    CREATED = value("CREATED", "Is new.")
    REVISED = value("REVISED", "Has new content.")
    DISABLED = value("DISABLED", "Was taken out of use.")
    ENABLED = value("ENABLED", "Was put back into use.")
    DELETED = value("DELETED", "Is gone.")
