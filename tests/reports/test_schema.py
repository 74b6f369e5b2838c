# SPDX-License-Identifier: GPL-2.0-only
"""docs/run.schema.json is the schema of what is written."""

import json
from pathlib import Path

import msgspec

from reports.model import FORMAT, Check, Outcome, Run
from reports.schema import text

FILE = Path(__file__).parents[2] / "docs" / "run.schema.json"


def test_the_schema_on_file_is_that_of_the_values() -> None:
    assert FILE.read_text() == text(), "python -m reports.schema > docs/run.schema.json"


def test_it_names_every_field_and_says_what_it_is() -> None:
    schema = json.loads(text())
    checks = schema["$defs"]["Check"]["properties"]

    assert set(checks) == {field.name for field in msgspec.structs.fields(Check)}
    assert checks["broken"]["description"].startswith("The IDs that this run")
    assert schema["$defs"]["Run"]["properties"]["format"]["const"] == FORMAT
    assert schema["$defs"]["Outcome"]["enum"] == sorted(map(str, Outcome))


def test_what_is_required_is_written() -> None:
    schema = json.loads(text())
    check = Check(check="a", outcome=Outcome.PASSED, requirements=())
    written = json.loads(msgspec.json.encode(Run(format=FORMAT, checks=(check,))))

    assert set(schema["$defs"]["Run"]["required"]) <= set(written)
    assert set(schema["$defs"]["Check"]["required"]) <= set(written["checks"][0])
