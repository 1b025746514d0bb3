"""Names of the files that services give."""

from __future__ import annotations

import re

from tomgql.plugins.surveys import SurveyTarget

_STEM_CHARACTERS = 60


def file_stem(target: SurveyTarget) -> str:
    """The target's main name as part of a file name: letters, digits, points, plus and minus."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", target.names[0]).strip("_")[:_STEM_CHARACTERS] or target.id
