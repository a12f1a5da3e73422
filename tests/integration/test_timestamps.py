"""What the README shows as evidence, line by line; RFC 3161 time stamps fit a signed head as it is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.builders import ROOT
from tests.cli_runner import COMMAND, clean_environment, desk
from tests.signing import feed_orders, feed_plan, signer

pytestmark = pytest.mark.long_on_postgres

AUTHORITY = """
[tsa]
default_tsa = here
[here]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
certs = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, arguments: str, status: int = 0) -> str:
    """Runs `openssl`; what it said."""
    done = subprocess.run(["openssl", *arguments.split()], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A folder in which `openssl ts -reply` is an authority for time stamps."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    (tmp_path / "tsa.cnf").write_text(AUTHORITY)
    (tmp_path / "serial").write_text("01\n")
    usage = "-addext extendedKeyUsage=critical,timeStamping -addext keyUsage=critical,digitalSignature"
    openssl(tmp_path, f"req -x509 -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.pem -subj /CN=Here {usage}")
    return tmp_path


def test_a_head_is_time_stamped(sqlite_url: str, authority: Path, tmp_path: Path) -> None:
    """The stamp fits the head that was signed, and no other."""
    log = signer(desk(sqlite_url, tmp_path))
    feed_plan(log.tool)
    (authority / "head").write_text(log.sign("--first").out)
    openssl(authority, "ts -query -data head -sha256 -cert -out head.tsq")
    openssl(authority, "ts -reply -config tsa.cnf -queryfile head.tsq -out head.tsr")
    assert "Verification: OK" in openssl(authority, "ts -verify -data head -in head.tsr -CAfile tsa.pem")
    (authority / "head").write_text(log.state.read_text().replace("\n1\n", "\n2\n"))
    assert "FAILED" in openssl(authority, "ts -verify -data head -in head.tsr -CAfile tsa.pem", status=1)


def test_evidence_as_the_readme_shows_it(sqlite_url: str, authority: Path, tmp_path: Path) -> None:
    """Every line of it runs; the authority is asked here instead of by curl."""
    tool = desk(sqlite_url, tmp_path)
    feed_plan(tool)
    feed_orders(tool, 0, 9)
    (script,) = re.findall(r"```sh evidence.sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script, stamps = re.subn(
        "^curl .*$", "openssl ts -reply -config tsa.cnf -queryfile head.tsq -out head.tsr", script, flags=re.MULTILINE
    )
    assert stamps == 1
    command = f'refledger() {{ {shlex.join(COMMAND)} "$@"; }}\nset -eu\n{script}'
    environment = clean_environment() | {"REFLEDGER_DB": tool.url}
    done = subprocess.run(
        ["sh", "-c", command], cwd=authority, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Verification: OK" in done.stdout + done.stderr
    assert (authority / "seen").read_text().startswith((authority / "head").read_text().rpartition("\n\n")[0])
