"""A TOM Toolkit that is shared with; run by that release's own Python, in a project made of its own templates.

``receiver.py PROJECT PORT USERNAME PASSWORD``: the server of its own `runserver`, many threads over SQLite, with an
ordinary account. Nothing of tomgql is imported.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(sys.argv[1])
PORT, USERNAME, PASSWORD = sys.argv[2:5]
sys.path.insert(0, str(PROJECT))
os.environ["DJANGO_SETTINGS_MODULE"] = "peer.settings"

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers import basehttp  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_user(USERNAME, "tomgql@example.org", PASSWORD)
basehttp.run("127.0.0.1", int(PORT), get_wsgi_application(), threading=True)
