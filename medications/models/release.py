"""The releases of the formulary."""

from django.db import models

from dermatech.core.releases import Release, Remark


class FormularyRelease(Release):
    """A snapshot of all medications, treatments and the words used to check them."""

    class Meta(Release.Meta):
        verbose_name = "formulary release"


class FormularyReleaseRemark(Remark):
    """A comment, a reason or an approval of a formulary release."""

    release = models.ForeignKey(
        FormularyRelease, on_delete=models.PROTECT, related_name="remarks", editable=False
    )

    class Meta(Remark.Meta):
        verbose_name = "remark on a formulary release"
        verbose_name_plural = "remarks on formulary releases"
