# SPDX-License-Identifier: GPL-2.0-only
"""The JSON schema of `run.json`, generated from the classes in `reports.model`.

`python -m reports.schema` prints it; docs/run.schema.json is that output.
"""

import ast
import inspect
import sys
from typing import Any

import msgspec

from reports.model import FORMAT, Check, Combination, Ending, Failure, Run

URL = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema, with the docstrings of the fields as descriptions."""
    (root,), parts = msgspec.json.schema_components(
        [Run], ref_template="#/$defs/{name}"
    )
    for kind in (Run, Check, Combination, Ending, Failure):
        described = _descriptions(kind)
        for name, field in parts[kind.__name__]["properties"].items():
            if name in described:
                field["description"] = described[name]
    parts["Run"]["properties"]["format"]["const"] = FORMAT
    return {
        "$schema": URL,
        "title": "A run of iSCSI Assay",
        **root,
        "$defs": parts,
    }


def text() -> str:
    """Return the schema as the text of its file."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def _descriptions(kind: type) -> dict[str, str]:
    """Return the string that follows each field of a class."""
    descriptions: dict[str, str] = {}
    name = ""
    for node in _body(kind):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if name:
                descriptions[name] = " ".join(str(node.value.value).split())
            name = ""
        else:
            name = ""
    return descriptions


def _body(kind: type) -> list[ast.stmt]:
    (statement,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(statement, ast.ClassDef)
    return statement.body


if __name__ == "__main__":
    sys.stdout.write(text())
