"""The WSGI entry point: `gunicorn dermatech.wsgi`. Refuses to start where that would not be safe, and has
every page and view ready before the first request."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.urls import reverse

from dermatech.core.checks import refuse_unsafe_start
from dermatech.core.whole import whole_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
application = whole_bodies(get_wsgi_application())
refuse_unsafe_start()
reverse("admin:index")  # imports the URLconf and what it names
connections.close_all()  # the processes that are forked from this one open their own
