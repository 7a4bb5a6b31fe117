"""What every table has in common."""

from django.db import models

from dermatech.core.ids import uuid7


class BaseModel(models.Model):
    """UUIDv7 key and UTC timestamps."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True
