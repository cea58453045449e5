"""Methods as forms."""

import subprocess
import sys
from dataclasses import dataclass, fields

import pytest

from goldenlayers_core.editing import get_method, methods
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.tasks.edit import methods as forms


def test_every_method_has_a_form_with_every_setting() -> None:
    for form, method in zip(forms.method_forms(), methods(), strict=True):
        assert (form.name, form.title, form.description) == (method.name, method.title, method.description)
        assert [field.name for field in form.fields] == [field.name for field in fields(method.config_class)]
        assert method.config_class(**{field.name: field.default for field in form.fields}) == method.config_class()


def test_limits_have_the_type_of_the_default() -> None:
    for field in (field for form in forms.method_forms() for field in form.fields):
        kind = {"whole": int, "decimal": float, "switch": bool, "choice": str}[field.kind]
        assert type(field.default) is kind
        assert field.label
        assert field.explanation.endswith(".")
        if field.kind == "choice":
            assert field.default in field.options
        elif field.kind != "switch":
            assert {type(field.low), type(field.high), type(field.step)} == {kind}
            assert field.low is not None
            assert field.high is not None
            assert field.low <= field.default <= field.high


def test_changed_keeps_only_what_differs_from_the_defaults() -> None:
    form = forms.method_forms()[0]
    values = {field.name: field.default for field in form.fields}
    assert form.changed(values) == {}
    assert form.changed({**values, "steps": 3}) == {"steps": 3}
    get_method(form.name).config_class(**form.changed({**values, "steps": 3}))


def test_a_setting_that_no_widget_can_show_is_refused() -> None:
    @dataclass
    class Config:
        name: str = "x"

    with pytest.raises(ConfigError, match="has the default 'x'; give a number"):
        forms._field(fields(Config)[0])


def test_importing_it_brings_no_torch() -> None:
    code = "import sys, goldenlayers_core.tasks.edit.methods; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
