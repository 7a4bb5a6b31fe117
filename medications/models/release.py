"""The releases of the formulary."""

from dermatech.core.releases import Release


class FormularyRelease(Release):
    """A snapshot of all medications, treatments and the words used to check them."""

    class Meta(Release.Meta):
        verbose_name = "formulary release"
