"""Forms of the admin site: they say what is wrong before anything is saved."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import numbers
from accounts.models import AccountState, Premises, Role, User, normalise_email
from accounts.services.people import check_region, check_shape
from dermatech.core.errors import ValidationFailed

if TYPE_CHECKING:
    _UserForm = forms.ModelForm[User]
    _PremisesForm = forms.ModelForm[Premises]
else:
    _UserForm = _PremisesForm = forms.ModelForm


class PersonForm(_UserForm):
    """Facts about a person. Role and state are changed by the buttons above the form."""

    class Meta:
        model = User
        fields: ClassVar = ["full_name", "phone", "cadre", "registration_number", "premises"]
        widgets: ClassVar = {"phone": UnfoldAdminTextInputWidget(attrs={"inputmode": "tel"})}

    def clean_phone(self) -> str:
        phone = self.cleaned_data["phone"]
        try:
            return numbers.ghana_phone(phone) if phone else ""
        except numbers.NotANumber as problem:
            raise ValidationError(str(problem), code="invalid_phone") from None

    def clean_full_name(self) -> str:
        return " ".join(self.cleaned_data["full_name"].split())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        cadre = data.get("cadre", self.instance.cadre)
        self._clean_number(data, cadre)
        try:
            check_shape(
                role=data.get("role", self.instance.role),
                cadre=cadre,
                premises=data.get("premises", self.instance.premises),
            )
        except ValidationFailed as wrong:
            for item in wrong.errors:
                self.add_error(item.field if item.field in self.fields else None, item.message)
        return data

    def _clean_number(self, data: dict[str, Any], cadre: str) -> None:
        text = data.get("registration_number", "")
        if not text:
            return
        try:
            data["registration_number"] = numbers.registration_number(text, cadre=cadre)
        except numbers.NotANumber as problem:
            self.add_error("registration_number", str(problem))
            return
        taken = User.objects.filter(
            state=AccountState.VERIFIED, cadre=cadre, registration_number=data["registration_number"]
        ).exclude(pk=self.instance.pk)
        if self.instance.state == AccountState.VERIFIED and taken.exists():
            self.add_error("registration_number", "Another verified account of this cadre has this number.")


class NewPersonForm(PersonForm):
    """An account made by an administrator; its owner gets a letter to set a password."""

    class Meta(PersonForm.Meta):
        fields: ClassVar = ["email", "role", *PersonForm.Meta.fields, "supervised_region"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.state = AccountState.VERIFIED
        self.fields["role"].initial = Role.PHARMACIST

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        try:
            check_region(
                role=data.get("role", Role.PHARMACIST), supervised_region=data.get("supervised_region", "")
            )
        except ValidationFailed as wrong:
            self.add_error("supervised_region", wrong.errors[0].message)
        return data

    def clean_email(self) -> str:
        email = normalise_email(self.cleaned_data["email"])
        if User.objects.filter(email=email).exists():
            raise ValidationError("This e-mail address has an account already.", code="email_taken")
        return email


class PremisesForm(_PremisesForm):
    """A licensed place."""

    class Meta:
        model = Premises
        fields: ClassVar = ["name", "licence_number", "region"]

    def clean_licence_number(self) -> str:
        licence = numbers.tidy_number(self.cleaned_data["licence_number"])
        same = Premises.objects.filter(licence_number__iexact=licence).exclude(pk=self.instance.pk)
        if same.exists():
            raise ValidationError(
                "Other premises have this licence number already.", code="licence_number_taken"
            )
        return licence
