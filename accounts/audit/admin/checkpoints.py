"""The pages of checkpoints, and the newest one to take along."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.decorators import action
from accounts.audit.admin import workbench
from accounts.audit.admin.base import ReadOnlyAdmin, TimeSpanFilter
from accounts.audit.keys import signing_key
from accounts.audit.models import AuditCheckpoint


@admin.register(AuditCheckpoint)
class AuditCheckpointAdmin(ReadOnlyAdmin):
    """Signed statements about the whole log. Keep one elsewhere: it makes a cut tail visible."""

    list_display = ("size", "created_at", "root_start")
    list_filter = (("created_at", TimeSpanFilter),)
    list_filter_submit = True
    ordering = ("-size",)
    when_empty = "The log is sealed and signed every few seconds; the first signature appears here then."
    actions_list = ("take_along",)
    fieldsets = (
        (
            None,
            {
                "fields": ("size", "created_at", "root_hex", "signed", "public_key"),
                "description": "Copy the signed text and keep it outside this system, for example printed "
                "or in your own mail. Any later export can be compared with it: verifier.py --checkpoint.",
            },
        ),
    )
    readonly_fields = ("size", "created_at", "root_hex", "signed", "public_key")

    @action(description="Take the newest along (QR code)", url_path="newest")
    def take_along(self, request: HttpRequest) -> HttpResponse:
        return workbench.checkpoint_card(request)

    @admin.display(description="Merkle root")
    def root_start(self, checkpoint: AuditCheckpoint) -> str:
        return f"{bytes(checkpoint.root).hex()[:16]}..."

    @admin.display(description="Merkle root")
    def root_hex(self, checkpoint: AuditCheckpoint) -> str:
        return bytes(checkpoint.root).hex()

    @admin.display(description="signed text")
    def signed(self, checkpoint: AuditCheckpoint) -> SafeString:
        return format_html('<pre style="overflow-x: auto">{}</pre>', checkpoint.note)

    @admin.display(description="public key to verify with")
    def public_key(self, checkpoint: AuditCheckpoint) -> SafeString:
        return format_html('<code style="overflow-wrap: anywhere">{}</code>', signing_key().verifier_key)
