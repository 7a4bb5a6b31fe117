"""Webhooks in the admin: who is told, whether it arrives, and doing something about it."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from accounts import policy
from accounts.admin import proof
from accounts.admin.decorators import action, display
from consultations.admin.asking import Question, answered, page
from consultations.admin.base import ReadOnly, actor_of, table
from consultations.models import Webhook, WebhookDelivery
from consultations.webhooks import services
from dermatech.core.errors import DomainError, ValidationFailed

_STATE_COLOURS = {"active": "success", "failing": "danger", "off": "info"}
_MESSAGE_COLOURS = {"queued": "info", "sent": "success", "failed": "danger"}
_NEWEST = 10


def waiting(request: HttpRequest) -> int:
    """Webhooks that were stopped after failures, until somebody does something about them."""
    allowed = policy.allows(actor_of(request), policy.Permission.WEBHOOK_MANAGE)
    return Webhook.objects.filter(state=Webhook.State.FAILING).count() if allowed else 0


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Name, premises and address; the address is checked as it will be before every message."""

    class Meta:
        model = Webhook
        fields = ("name", "premises", "url")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            services.check_address(url)
        except ValidationFailed as refused:
            raise forms.ValidationError(refused.errors[0].message, code=refused.errors[0].code) from refused
        return url

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        premises = data.get("premises") or (self.instance.premises if self.instance.premises_id else None)
        others = Webhook.objects.exclude(pk=self.instance.pk)
        if premises and others.filter(premises=premises, url=data.get("url")).exists():
            self.add_error("url", "These premises tell this address already.")
        return data


class NothingToSay(forms.Form):
    """A plain yes."""


@admin.register(Webhook)
class WebhookAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Systems that are told when an analysis is finished: that, and nothing about the patient."""

    form = WebhookForm
    list_display = ("name", "premises", "url", "show_state", "failures", "succeeded_at")
    list_filter = ("state", "premises")
    search_fields = ("name", "url", "premises__name")
    search_help_text = "Name, address or premises"
    list_select_related = ("premises", "created_by")
    autocomplete_fields = ("premises",)
    when_empty = "A pharmacy's own system that cannot ask for results can be told of them: add it here."
    actions_detail = ("send_test", "new_secret", "switch_on", "switch_off")
    readonly_fields = (
        "state", "state_reason", "failures", "succeeded_at", "previous_until", "newest", "created_by",
        "created_at",
    )  # fmt: skip
    fieldsets = (
        (
            "Who is told",
            {
                "fields": ("name", "premises", "url"),
                "description": "When an analysis of these premises is finished, the address gets a signed "
                "message with its id and status. What was found, the system reads by the API, signed in as "
                "somebody of the premises. Redirects are not followed, addresses inside a network refused.",
            },
        ),
        (
            "How it goes",
            {
                "fields": (
                    ("state", "state_reason"), ("failures", "succeeded_at"), "newest",
                ),
                "description": "A message that is not taken is tried ten times over a day and a half. After "
                "thirty failed tries in a row nothing more is sent until somebody switches it on again; "
                "what it missed is sent then.",
            },
        ),
        ("Provenance", {"fields": (("created_by", "created_at"), "previous_until")}),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.fieldsets[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "premises") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # switched off: the messages it got stay on record

    # --- saving: the services do it --------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        again = proof.ask_again(request) if self.has_add_permission(request) else None
        return again or cast(HttpResponse, super().add_view(request, form_url, extra_context))

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        actor = actor_of(request)
        if change:
            services.change(actor=actor, webhook=obj, name=obj.name, url=obj.url)
            return
        made, secret = services.register(actor=actor, name=obj.name, premises=obj.premises, url=obj.url)
        obj.pk = made.pk
        request.__dict__["webhook_secret"] = secret

    def response_add(self, request: HttpRequest, obj: Webhook, post_url_continue: Any = None) -> HttpResponse:
        return self._secret_page(request, obj, request.__dict__.pop("webhook_secret"))

    def _secret_page(self, request: HttpRequest, row: Webhook, secret: str) -> HttpResponse:
        """Shown once, kept by no browser."""
        context = {
            **self.admin_site.each_context(request),
            "title": "The secret of this webhook",
            "secret": secret,
            "row": row,
            "next": _address(row),
        }
        answer = TemplateResponse(request, "admin/consultations/webhook_secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    # --- what is shown -----------------------------------------------------------------------
    @display(description="state", ordering="state", label=_STATE_COLOURS)
    def show_state(self, row: Webhook) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description="newest messages")
    def newest(self, row: Webhook) -> SafeString | str:
        rows = [
            (
                format_html(
                    '<a class="text-primary-600" href="{}">{}</a>', _message(each), _when(each.created_at)
                ),
                each.get_event_display(),
                each.get_state_display(),
                each.attempts,
                each.error or each.status or "—",
            )
            for each in row.deliveries.all()[:_NEWEST]
        ]
        return table(("written", "about", "state", "tries", "answer"), rows) if rows else "None yet."

    # --- what can be done: each asks first, and happens by POST -----------------------------------
    def has_active_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, object_id, Webhook.State.ACTIVE)

    def has_stopped_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, object_id, Webhook.State.FAILING, Webhook.State.OFF)

    def has_told_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, object_id, Webhook.State.ACTIVE, Webhook.State.FAILING)

    def _may(self, request: HttpRequest, object_id: str | None, *states: Webhook.State) -> bool:
        if not policy.allows(actor_of(request), policy.Permission.WEBHOOK_MANAGE):
            return False
        return object_id is None or Webhook.objects.filter(pk=object_id, state__in=states).exists()

    @action(description="Send a test", icon="send", permissions=["active"], url_path="test")
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(request, object_id)
        question = Question(
            title="Send a test message?",
            lines=(f"{row.url} gets a signed message that is about nothing. It appears below in a second.",),
            button="Send it", back=_address(row),
        )  # fmt: skip
        return self._ask(request, row, question, services.send_test, "The test message is on its way.")

    @action(description="New secret", icon="key", permissions=["told"], url_path="new-secret")
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if (again := proof.ask_again(request)) is not None:
            return again
        row = self._row(request, object_id)
        form = NothingToSay(answered(request))
        if form.is_valid():
            return self._secret_page(
                request, row, services.rotate_secret(actor=actor_of(request), webhook=row)
            )
        question = Question(
            title="Make a new secret?",
            lines=("For one day every message bears two signatures, by the old secret and by the new one.",
                   "Within that day the receiver has to be given the new one."),
            button="Make it", back=_address(row), grave=True,
        )  # fmt: skip
        return page(request, question, form)

    @action(description="Switch on", icon="play_arrow", permissions=["stopped"], url_path="on")
    def switch_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(request, object_id)
        kept = row.deliveries.filter(state=WebhookDelivery.State.QUEUED).count()
        question = Question(
            title="Tell it again?",
            lines=(f"{row.state_reason}", f"{kept} messages wait for it and are sent at once."),
            button="Switch it on", back=_address(row),
        )  # fmt: skip
        return self._ask(request, row, question, services.switch_on, "It is told again.")

    @action(description="Switch off", icon="stop", permissions=["told"], url_path="off")
    def switch_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(request, object_id)
        question = Question(
            title="Tell it nothing more?",
            lines=("What waits to be sent is given up, and what is finished from now on is not kept.",),
            button="Switch it off", back=_address(row), grave=True,
        )  # fmt: skip
        return self._ask(request, row, question, services.switch_off, "It is not told any more.")

    def _ask(
        self, request: HttpRequest, row: Webhook, question: Question, act: Callable[..., Any], done: str
    ) -> HttpResponse:
        form = NothingToSay(answered(request))
        if not form.is_valid():
            return page(request, question, form)
        return _acted(request, lambda: act(actor=actor_of(request), webhook=row), done, back=_address(row))

    def _row(self, request: HttpRequest, object_id: str) -> Webhook:
        row = self.get_object(request, object_id)
        if not isinstance(row, Webhook):
            raise Http404
        return row


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    """What was sent, what waits, what was given up."""

    list_display = ("created_at", "webhook", "event", "show_state", "attempts", "status", "sent_at", "error")
    list_filter = ("state", "event", "webhook")
    search_fields = ("id", "analysis__id")
    search_help_text = "Id of the message (webhook-id) or of the analysis"
    list_select_related = ("webhook",)
    list_max_show_all = 50
    show_full_result_count = False
    when_empty = "A message is written for every finished analysis of premises that have a webhook."
    actions_detail = ("send_again",)
    fieldsets = (
        (
            "Message",
            {
                "fields": ("webhook", "event", "analysis", "body", "id"),
                "description": "The body as it is sent. The receiver knows a message by its id.",
            },
        ),
        (
            "How it goes",
            {"fields": (("state", "attempts"), ("status", "milliseconds"), "error", ("due_at", "sent_at"))},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.select_related("webhook")

    @display(description="state", ordering="state", label=_MESSAGE_COLOURS)
    def show_state(self, row: WebhookDelivery) -> tuple[str, str]:
        return row.state, row.get_state_display()

    def has_again_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not policy.allows(actor_of(request), policy.Permission.WEBHOOK_MANAGE):
            return False
        done = WebhookDelivery.objects.exclude(state=WebhookDelivery.State.QUEUED)
        return object_id is None or done.filter(pk=object_id).exists()

    @action(description="Send again", icon="refresh", permissions=["again"], url_path="again")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if not isinstance(row, WebhookDelivery):
            raise Http404
        question = Question(
            title="Send this message again?",
            lines=(f"{row.webhook.url} gets it under the same id, so a receiver that has it knows it.",),
            button="Send it again", back=_message(row),
        )  # fmt: skip
        form = NothingToSay(answered(request))
        if not form.is_valid():
            return page(request, question, form)
        return _acted(
            request, lambda: services.send_again(actor=actor_of(request), delivery_id=row.pk),
            "The message is on its way.", back=_message(row),
        )  # fmt: skip


def _acted(request: HttpRequest, act: Callable[[], Any], done: str, *, back: str) -> HttpResponse:
    try:
        act()
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, done)
    return HttpResponseRedirect(back)


def _address(row: Webhook) -> str:
    return reverse("admin:consultations_webhook_change", args=[row.pk])


def _message(row: WebhookDelivery) -> str:
    return reverse("admin:consultations_webhookdelivery_change", args=[row.pk])


def _when(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
