"""An object store that speaks S3: the double beside the suites, or one that runs already.

`LENTICULAR_E2E_S3` is the endpoint of a running one, such as Ceph's gateway (`http://127.0.0.1:17480`), with `AWS_ACCESS_KEY_ID`
and `AWS_SECRET_ACCESS_KEY`; then the bucket `lenticular-e2e` is made there. Tests that stop the store need the double.
"""

import hashlib
import hmac
import os
import queue
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

DOUBLE = Path(__file__).parent.parent / "s3_double.py"
BUCKET = "lenticular-e2e"
REGION = "us-east-1"
READY_SECONDS = 30


def signed(method: str, path: str, pairs: str, headers: dict[str, str], key: str, secret: str) -> dict[str, str]:
    """Headers with what proves who asks (Signature Version 4); `x-amz-date` and `x-amz-content-sha256` are among them, in small letters."""
    moment, hashed = headers["x-amz-date"], headers["x-amz-content-sha256"]
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
    asked = f"{method}\n{path}\n{pairs}\n{lines}\n{names}\n{hashed}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    signing = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    return headers | {"authorization": f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"}


def at(moment: datetime) -> str:
    """A moment as requests bear it."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


def make_bucket(endpoint: str, bucket: str, key: str, secret: str) -> None:
    """`PUT /BUCKET`; one that is there already is as good."""
    plain = {"host": endpoint.split("://", 1)[1], "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(), "x-amz-date": at(datetime.now(UTC))}
    headers = signed("PUT", f"/{bucket}", "", plain, key, secret)
    try:
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{bucket}", method="PUT", headers=headers), timeout=30)
    except urllib.error.HTTPError as error:
        assert error.code == 409, f"the object store makes no bucket: {error.code} {error.read()[:300]!r}"


class ObjectStore:
    """The double as a process of its own: its objects are files, so that it can be killed and started again."""

    def __init__(self, folder: Path, log: Path, listen: str = "127.0.0.1:0", before: tuple[str, ...] = (), certificate: Path | None = None, double: bool = False):
        self.folder, self.log, self.listen, self.before, self.certificate = folder, log, listen, before, certificate
        self.key, self.secret = "only-for-tests", "a-secret-only-for-tests"
        self.process: subprocess.Popen | None = None
        self.run = ""
        # a certificate and its key in one file: then it is the double, and speaks TLS
        self.endpoint = "" if certificate or double else os.environ.get("LENTICULAR_E2E_S3", "")
        if self.endpoint:
            self.key, self.secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
            # what an earlier run has put there is another network's
            self.run = f"run-{uuid4().hex[:12]}/"
            make_bucket(self.endpoint, BUCKET, self.key, self.secret)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self.start()

    @property
    def is_double(self) -> bool:
        return self.process is not None

    def start(self) -> None:
        """Starts the double, the second time on the port of the first."""
        env = {**os.environ, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "PYTHONUNBUFFERED": "1"}
        more = ["--certificate", str(self.certificate)] if self.certificate else []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.before, sys.executable, "-P", str(DOUBLE), "--listen", self.listen, "--folder", str(self.folder), "--bucket", BUCKET, *more],
                stdout=subprocess.PIPE, stderr=log, text=True, env=env,
            )
        lines: queue.Queue = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in self.process.stdout] + [lines.put("")], daemon=True).start()
        line = lines.get(timeout=READY_SECONDS)
        assert line.startswith("ready "), f"the object store said {line!r}; see {self.log}"
        self.listen = line.split("http=", 1)[1].split()[0]
        self.endpoint = f"{'https' if self.certificate else 'http'}://{self.listen}"

    def kill(self) -> None:
        """SIGKILL; what was acknowledged lies in its folder."""
        self.process.kill()
        self.process.wait()

    def files(self, prefix: str) -> list[Path]:
        """The files of the objects below a prefix."""
        assert self.is_double, "another's store shows no files"
        return sorted((self.folder / "objects").glob(f"{quote(prefix + '/', safe='')}*"))

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def settings(self, prefix: str) -> dict[str, str]:
        """The environment of a server whose blobs lie below this prefix."""
        return {
            "LENTICULAR__BLOBS__URL": f"s3://{BUCKET}/{self.run}{prefix}",
            "LENTICULAR__BLOBS__ENDPOINT": self.endpoint,
            "LENTICULAR__BLOBS__PATH_STYLE": "true",
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,
        }
