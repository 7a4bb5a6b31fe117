"""The WSGI entry point: `gunicorn dermatech.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
application = get_wsgi_application()
