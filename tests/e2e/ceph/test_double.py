"""The double answers as a real object store does: the same requests go to both, and statuses, codes, headers and bodies are compared.

Runs where `LENTICULAR_E2E_S3` names a real one, such as Ceph's gateway.
"""

import base64
import hashlib
import http.client
import os
import re
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from xml.sax.saxutils import unescape

import pytest
from lenticular import ground
from lenticular.objects import BUCKET, ObjectStore, at, signed

pytestmark = pytest.mark.skipif(not ground.ANOTHERS_OBJECTS, reason="there is no other object store to compare with")

PART = 5 << 20
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def found(self, *names: str) -> list[str]:
        """The texts of the elements of these names, in their order."""
        text = self.body.decode(errors="replace")
        return [unescape(value) for name in names for value in re.findall(f"<{name}>([^<]*)</{name}>", text)]

    @property
    def code(self) -> str:
        return (self.found("Code") or [""])[0]


class Signer:
    """One store, asked with requests that are signed by hand, so that they can be wrong."""

    def __init__(self, store: ObjectStore, prefix: str):
        self.host = store.endpoint.split("://")[1]
        self.key, self.secret, self.prefix = store.key, store.secret, prefix

    def ask(self, method: str, key: str | None, query: dict[str, str] | None = None, body: bytes = b"", bucket: str = BUCKET, secret: str | None = None, age: float = 0,
            claimed: str | None = None, **headers: str) -> Answer:
        """`key` is below the prefix, or `None` for the bucket; `claimed` is the hash that is said of the body."""
        path = f"/{bucket}" + ("" if key is None else "/" + quote(f"{self.prefix}/{key}", safe="/-_.~"))
        pairs = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted((query or {}).items()))
        hashed = claimed or hashlib.sha256(body).hexdigest()
        plain = {"host": self.host, "x-amz-content-sha256": hashed, "x-amz-date": at(datetime.now(UTC) - timedelta(seconds=age))}
        plain |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = signed(method, path, pairs, plain, self.key, secret or self.secret)
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, f"{path}?{pairs}" if pairs else path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def both(folder):
    """The double and the other one, with a prefix of this run."""
    prefix = f"alike-{uuid.uuid4().hex}"
    endpoint = os.environ.pop("LENTICULAR_E2E_S3")
    try:
        double = ObjectStore(folder / "objects", folder / "objects.log")
    finally:
        os.environ["LENTICULAR_E2E_S3"] = endpoint
    yield Signer(double, prefix), Signer(ground.objects(), prefix)
    double.stop()


def alike(both, method: str, key: str | None, *args, same=("content-length", "content-range", "etag"), **more) -> tuple[Answer, Answer]:
    """Asks both, and compares statuses, codes and some headers."""
    one, other = (signer.ask(method, key, *args, **more) for signer in both)
    asked = f"{method} {key} {args} { {name: str(value)[:40] for name, value in more.items()} }"
    assert (one.status, one.code) == (other.status, other.code), f"{asked}: {one} {one.body[:300]} and {other} {other.body[:300]}"
    for name in same if one.status < 300 else ():
        assert one.headers.get(name) == other.headers.get(name), f"{asked}: {name} {one.headers.get(name)} and {other.headers.get(name)}"
    return one, other


def test_an_object_is_put_once(both):
    assert alike(both, "HEAD", "a")[0].status == 404
    assert alike(both, "GET", "a")[0].code == "NoSuchKey"
    assert alike(both, "PUT", "a", body=b"one", if_none_match="*", same=("etag",))[0].status == 200
    assert alike(both, "PUT", "a", body=b"two", if_none_match="*")[0].code == "PreconditionFailed"
    one, other = alike(both, "GET", "a")
    assert one.body == other.body == b"one"
    alike(both, "HEAD", "a")
    assert alike(both, "PUT", "a", body=b"three", same=("etag",))[0].status == 200
    one, other = alike(both, "GET", "a")
    assert one.body == other.body == b"three"
    assert alike(both, "DELETE", "a", same=())[0].status == 204
    assert alike(both, "DELETE", "a", same=())[0].status == 204
    assert alike(both, "GET", "a")[0].status == 404


def test_of_many_who_put_it_at_one_time_one_does(both):
    for signer in both:
        for turn in range(5):
            said: list[int] = []
            threads = [threading.Thread(target=lambda n=n: said.append(signer.ask("PUT", f"race-{turn}", body=bytes([n]) * 100_000, if_none_match="*").status)) for n in range(8)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            # one that meets another on its way may be told to come again (409, 503)
            assert said.count(200) == 1 and set(said) <= {200, 409, 412, 503}, (signer.host, said)


def test_ranges(both):
    body = bytes(range(256)) * 40
    alike(both, "PUT", "ranges", body=body, same=("etag",))
    for text in ("bytes=0-0", "bytes=100-199", "bytes=10200-", "bytes=10200-99999", "bytes=-5", "bytes=10239-10239"):
        one, other = alike(both, "GET", "ranges", range=text)
        assert one.status == 206 and one.body == other.body, text
    for text in ("bytes=10240-10250", "bytes=99999-"):
        assert alike(both, "GET", "ranges", range=text)[0].status == 416


def test_who_asks_is_known(both):
    assert alike(both, "GET", "a", secret="wrong")[0].code == "SignatureDoesNotMatch"
    assert alike(both, "PUT", "a", body=b"x", secret="wrong")[0].status == 403
    assert alike(both, "GET", "a", age=3600)[0].code == "RequestTimeTooSkewed"
    assert alike(both, "GET", None, {"list-type": "2"}, bucket="nobodys-bucket")[0].code == "NoSuchBucket"
    assert alike(both, "GET", "a", bucket="nobodys-bucket")[0].code == "NoSuchBucket"


def test_a_body_that_changed_on_its_way_is_refused(both):
    claimed = hashlib.sha256(b"what was meant").hexdigest()
    assert alike(both, "PUT", "wrong", body=b"what arrives..", claimed=claimed)[0].code == "XAmzContentSHA256Mismatch"
    digest = base64.b64encode(hashlib.md5(b"what was meant").digest()).decode()
    assert alike(both, "PUT", "wrong", body=b"what arrives..", content_md5=digest)[0].code == "BadDigest"
    assert alike(both, "HEAD", "wrong")[0].status == 404


def test_pages_of_a_list(both):
    names = ["list/s-1", "list/s-10", "list/s-2", "list/o-1", "list/under/one", "list/ä ö+&", "list-not"]
    for name in names:
        alike(both, "PUT", name, body=name.encode(), same=("etag",))
    for signer in both:
        prefix, token, seen = f"{signer.prefix}/list/", None, []
        while True:
            page = signer.ask("GET", None, {"list-type": "2", "prefix": prefix, "max-keys": "2", **({"continuation-token": token} if token else {})})
            assert page.status == 200
            seen += zip(page.found("Key"), page.found("Size"), strict=True)
            token = (page.found("NextContinuationToken") or [None])[0]
            assert (token is not None) == (page.found("IsTruncated") == ["true"])
            if token is None:
                break
        wanted = sorted(f"{signer.prefix}/{name}" for name in names if name.startswith("list/"))
        assert [key for key, _ in seen] == wanted, (signer.host, seen)
        assert [int(size) for _, size in seen] == [len(name.removeprefix(f"{signer.prefix}/").encode()) for name in wanted]
        later = signer.ask("GET", None, {"list-type": "2", "prefix": prefix, "start-after": f"{prefix}s-1"})
        assert later.found("Key") == [f"{prefix}{name}" for name in ("s-10", "s-2", "under/one", "ä ö+&")], later.body
        folders = signer.ask("GET", None, {"list-type": "2", "prefix": prefix, "delimiter": "/"})
        assert folders.found("Prefix")[-1] == f"{prefix}under/" and len(folders.found("Key")) == 5


def test_uploads_in_parts(both):
    first, last = os.urandom(PART), os.urandom(1000)
    uploads = [signer.ask("POST", "parts", {"uploads": ""}).found("UploadId")[0] for signer in both]

    def each(method: str, more: dict[str, str], **what):
        answers = [signer.ask(method, "parts", {"uploadId": upload, **more}, **what) for signer, upload in zip(both, uploads)]
        assert len({(answer.status, answer.code, answer.headers.get("etag")) for answer in answers}) == 1, [(answer.status, answer.code, answer.body[:200]) for answer in answers]
        return answers

    tags = [each("PUT", {"partNumber": str(n)}, body=body)[0].headers["etag"] for n, body in ((1, first), (2, last))]

    def order(*parts: tuple[int, str]) -> bytes:
        return f"<CompleteMultipartUpload>{''.join(f'<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>' for n, tag in parts)}</CompleteMultipartUpload>".encode()

    assert alike(both, "HEAD", "parts")[0].status == 404, "nothing is there before it is complete"
    assert each("POST", {}, body=order((1, tags[0]), (2, '"00000000000000000000000000000000"')))[0].code == "InvalidPart"
    assert each("POST", {}, body=order((1, tags[0]), (2, tags[1])))[0].status == 200
    one, other = alike(both, "GET", "parts")
    assert one.body == other.body == first + last
    assert alike(both, "HEAD", "parts")[0].headers["etag"].endswith('-2"')
    listed = [signer.ask("GET", None, {"list-type": "2", "prefix": f"{signer.prefix}/parts"}).found("ETag") for signer in both]
    assert [text.replace("&quot;", '"') for text in listed[0]] == [text.replace("&quot;", '"') for text in listed[1]]

    # a part that is not the last is too small
    uploads[:] = [signer.ask("POST", "parts-small", {"uploads": ""}).found("UploadId")[0] for signer in both]
    small = [[signer.ask("PUT", "parts-small", {"uploadId": upload, "partNumber": str(n)}, body=b"x").headers["etag"] for n in (1, 2)] for signer, upload in zip(both, uploads)]
    told = [signer.ask("POST", "parts-small", {"uploadId": upload}, body=order((1, tags[0]), (2, tags[1]))) for signer, upload, tags in zip(both, uploads, small)]
    assert {(answer.status, answer.code) for answer in told} == {(400, "EntityTooSmall")}
    for signer, upload in zip(both, uploads):
        assert signer.ask("DELETE", "parts-small", {"uploadId": upload}).status == 204
        gone = signer.ask("PUT", "parts-small", {"uploadId": upload, "partNumber": "1"}, body=b"x")
        assert (gone.status, gone.code) == (404, "NoSuchUpload"), (signer.host, gone.body)


def test_many_are_removed_at_once(both):
    for name in ("many-1", "many-2"):
        alike(both, "PUT", name, body=b"x", same=("etag",))
    for signer in both:
        body = f"<Delete>{''.join(f'<Object><Key>{signer.prefix}/{name}</Key></Object>' for name in ('many-1', 'many-2', 'never'))}</Delete>".encode()
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        answer = signer.ask("POST", None, {"delete": ""}, body=body, content_md5=digest)
        assert answer.status == 200 and len(answer.found("Key")) == 3, (signer.host, answer.body)
    assert alike(both, "HEAD", "many-1")[0].status == 404
