"""What an auditor must trust is small: the rules load nothing but themselves and the standard library."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.builders import ROOT

_RULES = ["canonical", "clock", "errors", "ids", "money", "plan"] + [
    f"rules.{path.stem}" for path in sorted((ROOT / "ledger" / "rules").glob("[a-z]*.py"))
]
_TREE = [f"tree.{path.stem}" for path in sorted((ROOT / "ledger" / "tree").glob("[a-z]*.py"))]
# The one package that signatures need, and what it brings.
_SIGNING = {"cryptography", "_cffi_backend", "_openssl"}

_LIST_LOADED = """
import sys
before = set(sys.modules)
for name in sys.argv[1:]:
    __import__(name)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
"""


def loaded_by(modules: list[str]) -> set[str]:
    """Top-level packages, not of the standard library, that a fresh process loads with these modules of `ledger`."""
    listed = subprocess.run(
        [sys.executable, "-c", _LIST_LOADED, *[f"ledger.{name}" for name in modules]],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(listed.stdout.split())


def test_the_rules_load_no_package() -> None:
    """An auditor decides everything again without installing anything."""
    assert loaded_by(_RULES) == {"ledger"}


def test_the_tree_loads_one_package() -> None:
    """Heads and proofs need signatures besides."""
    assert loaded_by(_TREE) - _SIGNING == {"ledger"}


def test_what_checks_input_loads_more() -> None:
    """The two tests above would see a package."""
    assert "pydantic" in loaded_by(["commands"])
