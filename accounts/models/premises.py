"""Premises: the pharmacy or chemical shop somebody works at."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from accounts.roles import Region
from dermatech.core.models import BaseModel

# Where no licence was given; no real one has this form, so none is taken away from anybody.
UNLICENSED = "UNLICENSED "


class Premises(BaseModel):
    """A licensed place. It is the boundary of what its pharmacists see of each other's patients."""

    name = models.CharField(max_length=200, help_text="As on the licence, for example “Osu Pharmacy”.")
    licence_number = models.CharField(
        max_length=40,
        help_text="As the Pharmacy Council wrote it, for example “PC/GA/0123”. One row per licence.",
    )
    region = models.CharField(max_length=20, choices=Region, help_text="One of Ghana's sixteen regions.")

    class Meta:
        verbose_name = verbose_name_plural = "premises"
        ordering = ("name", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(Upper("licence_number"), name="premises_licence_number_once"),
            models.CheckConstraint(condition=Q(region__in=Region.values), name="premises_region_known"),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(licence_number=""), name="premises_name_and_licence_given"
            ),
        ]

    @property
    def licence(self) -> str:
        """The licence number for people to read; empty where none was given."""
        return "" if self.licence_number.startswith(UNLICENSED) else self.licence_number

    def __str__(self) -> str:
        return self.name
