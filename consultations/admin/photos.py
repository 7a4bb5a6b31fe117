"""Photos, looked at through a view that checks and records who looks."""

import uuid
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import audit
from accounts.admin.decorators import display
from consultations.admin.base import CaseAdmin, actor_of, bullets, case_link
from consultations.admin.record import quality
from consultations.models import Photo
from consultations.services import photos as services
from dermatech.core.errors import Unavailable


def preview(photo: Photo, *, height: int = 96) -> SafeString:
    """The thumbnail as a picture that leads to the whole one."""
    address = reverse("admin:consultations_photo_picture", args=[photo.pk])
    return format_html(
        '<a href="{}"><img src="{}?size=thumbnail" style="height: {}px" alt="Photo of the skin" '
        'loading="lazy"></a>',
        address,
        address,
        height,
    )


@admin.register(Photo)
class PhotoAdmin(CaseAdmin):
    """Stored photos: upright, without metadata. The upload itself is never kept."""

    read_action = audit.Action.PHOTO_READ
    list_display = (
        "created_at",
        "show",
        "case",
        "size",
        "kilobytes",
        "similarity",
        "usable",
    )
    list_filter = ("format", "created_at")
    search_fields = ("id", "consultation__id", "sha256_in", "sha256_out")
    search_help_text = "Id of the photo or its consultation, or a SHA-256"
    list_select_related = ()
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            "Picture",
            {
                "fields": (
                    "show_large",
                    "consultation",
                    ("size", "kilobytes"),
                    ("ssim", "ssim_full"),
                    "format",
                ),
                "description": "As stored. Opening it is recorded in the audit log.",
            },
        ),
        (
            "Quality",
            {
                "fields": ("judgement", "figures"),
                "description": "Judged by the analysis; empty until one has run.",
            },
        ),
        (
            "Provenance",
            {
                "fields": ("source_format", "sha256_in", "sha256_out", "decoder", "key_id", "created_at"),
                "description": "The first hash is of the file that the phone sent, for example to find out "
                "whether a picture came from a given file.",
            },
        ),
    )
    readonly_fields = ("show_large", "size", "kilobytes", "judgement", "figures")

    @display(description="photo")
    def show(self, photo: Photo) -> SafeString:
        return preview(photo, height=56)

    @display(description="photo")
    def show_large(self, photo: Photo) -> SafeString:
        return preview(photo, height=320)

    @display(description="pixels")
    def size(self, photo: Photo) -> str:
        return f"{photo.width} by {photo.height}"

    @display(description="consultation", ordering="consultation_id")
    def case(self, photo: Photo) -> SafeString:
        return case_link(photo.consultation_id)

    @display(description="size", ordering="bytes")
    def kilobytes(self, photo: Photo) -> str:
        return f"{photo.bytes / 1000:,.0f} kB {photo.get_format_display()}"

    @display(description="SSIM", ordering="ssim")
    def similarity(self, photo: Photo) -> str:
        return f"{photo.ssim:.3f}"

    @display(description="judgement")
    def judgement(self, photo: Photo) -> str:
        return quality(photo.quality)

    @display(description="figures, 0 to 1")
    def figures(self, photo: Photo) -> SafeString | str:
        said = photo.quality or {}
        lines = [
            f"{name.replace('_', ' ').capitalize()}: {said[name]:g}"
            for name in ("score", "sharpness", "exposure", "glare", "skin_fraction")
            if said.get(name) is not None
        ]
        if tone := said.get("skin_tone"):
            lines.append(
                f"Skin tone: {tone['group'].replace('_', ' ')} ({tone['ita_degrees']:g} degrees ITA)"
            )
        return bullets(lines)

    @display(description="usable", boolean=True)
    def usable(self, photo: Photo) -> bool | None:
        return photo.quality["usable"] if photo.quality else None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.picture)
        own = path("<uuid:photo_id>/picture", view, name="consultations_photo_picture")
        return [own, *super().get_urls()]

    def picture(self, request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
        """The picture, for those who may see its consultation; 404 for anybody else."""
        photo: Any = self.get_queryset(request).filter(pk=photo_id).first()
        if photo is None or not self.has_view_permission(request, photo):
            raise Http404
        small = request.GET.get("size") == "thumbnail"
        try:
            content = services.content(actor=actor_of(request), photo=photo, thumbnail=small)
        except Unavailable as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain; charset=utf-8")
        return HttpResponse(
            content,
            content_type="image/jpeg" if small else photo.media_type,
            headers={
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "private, max-age=300",
                "Content-Disposition": "inline",
            },
        )
