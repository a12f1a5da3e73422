"""What an auditor must trust is small: the rules load no package, the verifier loads one."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.builders import ROOT

_RULES = [f"ledger.{name}" for name in ("canonical", "clock", "errors", "ids", "money", "plan")] + [
    f"ledger.rules.{path.stem}" for path in sorted((ROOT / "ledger" / "rules").glob("[a-z]*.py"))
]
_TREE = [f"ledger.tree.{path.stem}" for path in sorted((ROOT / "ledger" / "tree").glob("[a-z]*.py"))]
# How one process talks to another, and does without the garbage collector.
_PLAIN = ["ledger.frames", "ledger.garbage"]
# The one package that signatures need, and what it brings.
_SIGNING = {"cryptography", "_cffi_backend", "_openssl"}

_LIST_LOADED = """
import sys
before = set(sys.modules)
for name in sys.argv[1:]:
    __import__(name)
print(*sorted(set(sys.modules) - before))
"""


def loaded_by(modules: list[str]) -> set[str]:
    """Packages not of the standard library, and modules of ours, that a fresh process loads with these modules."""
    listed = subprocess.run(
        [sys.executable, "-c", _LIST_LOADED, *modules],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name for name in listed.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    return {name if name.startswith(("ledger", "projections")) else name.partition(".")[0] for name in loaded}


def others(loaded: set[str]) -> set[str]:
    """Those that are not ours."""
    return {name for name in loaded if not name.startswith(("ledger", "projections"))}


def test_the_rules_load_no_package() -> None:
    """An auditor decides everything again without installing anything."""
    assert others(loaded_by(_RULES)) == set()


def test_the_tree_loads_one_package() -> None:
    """Heads and proofs need signatures besides."""
    assert others(loaded_by(_TREE)) <= _SIGNING


def test_the_verifier_loads_one_package() -> None:
    """And of ours only rules, formats and itself: no model of the writer's, no projection."""
    loaded = loaded_by(["projections.verify.__main__", "projections.verify.child"])
    assert others(loaded) <= _SIGNING
    ours = loaded - others(loaded)
    of_verifier = {name for name in ours if name == "projections" or name.startswith("projections.verify")}
    assert ours - of_verifier <= {"ledger", "ledger.rules", "ledger.tree", *_RULES, *_TREE, *_PLAIN}


def test_what_checks_input_loads_more() -> None:
    """The tests above would see a package."""
    assert "pydantic" in loaded_by(["ledger.commands"])
