#!/usr/bin/env python3
"""A double of an object store that speaks S3, for tests alone: objects are files in a folder, nothing is replicated.

    s3_double.py --listen 127.0.0.1:0 --folder DIR --bucket NAME     keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

It prints `ready s3 http=HOST:PORT` once it listens; with --certificate FILE (a certificate and its key in PEM form) it speaks TLS
there. What it does as S3 does: signatures (SigV4) are verified, with the hash of the body and the age of the request; PUT with
`If-None-Match: *` (412 where the object is there), `x-amz-checksum-sha256` and `Content-MD5` compared; GET and HEAD with ranges
(206, 416) and ETag; ListObjectsV2 in pages; DELETE and DeleteObjects; multipart uploads (create, part of at least 5 MiB but the
last, complete, abort). A PUT is there whole or not at all, and durable before it is answered. No object is held in memory whole
but what one PUT brings.

What a test may tell it, at `POST /-/NAME` without a signature:

    /-/away?seconds=S      closes every connection without an answer, for S seconds (0: is back)
    /-/busy?count=N        answers the next N requests with 503 SlowDown
    /-/slow?milliseconds=M waits so long before each answer
    /-/deny?on=1           answers 403 AccessDenied (0: no longer)
    /-/damage?key=K        turns one byte in the middle of an object
    /-/lose?key=K          removes an object
    /-/counts              how many requests of each method were answered, as JSON
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import os
import shutil
import ssl
import sys
import threading
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

SMALLEST_PART = 5 << 20
LARGEST_BODY = 1 << 30
OLDEST_SECONDS = 15 * 60
SPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class Refusal(Exception):
    """An error answer in S3's own words."""

    def __init__(self, status: int, code: str, words: str = ""):
        super().__init__(code)
        self.status, self.code, self.words = status, code, words or code


class Store:
    """Objects of one bucket, each a file whose name is its key, encoded."""

    def __init__(self, folder: Path, bucket: str, page: int):
        self.bucket, self.page = bucket, page
        self.objects, self.uploads, self.kept = folder / "objects", folder / "uploads", folder / "tags"
        for place in (self.objects, self.uploads, self.kept):
            place.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.counts: dict[str, int] = {}
        self.tags: dict[str, tuple[tuple[int, int, int], str]] = {}
        self.away_until = 0.0
        self.busy = 0
        self.slow = 0.0
        self.denied = False

    def path(self, key: str) -> Path:
        name = urllib.parse.quote(key, safe="")
        if not key or len(name) > 250:
            raise Refusal(400, "KeyTooLongError")
        return self.objects / name

    def keys(self) -> list[str]:
        return sorted(urllib.parse.unquote(path.name) for path in self.objects.iterdir() if not path.name.startswith("."))

    def read(self, key: str) -> bytes:
        try:
            return self.path(key).read_bytes()
        except FileNotFoundError:
            raise Refusal(404, "NoSuchKey") from None

    def part(self, key: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`, which are read alone: large objects are asked for in many parts."""
        with open(self.path(key), "rb") as file:
            file.seek(start)
            return file.read(end - start)

    def tag(self, key: str) -> tuple[int, float, str]:
        """Length, time of the last change and ETag: the one that its writer was told, as long as nobody changed the file."""
        try:
            seen = self.path(key).stat()
        except FileNotFoundError:
            raise Refusal(404, "NoSuchKey") from None
        state = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
        known = self.tags.get(key)
        if known is None or known[0] != state:
            known = self.tags[key] = (state, self.kept_tag(key, state) or self.made_tag(key))
        return seen.st_size, seen.st_mtime, known[1]

    def kept_tag(self, key: str, state: tuple[int, int, int]) -> str | None:
        """The ETag of an upload in parts, which the bytes alone do not tell."""
        try:
            words = (self.kept / self.path(key).name).read_text().split()
        except FileNotFoundError:
            return None
        return words[3] if tuple(map(int, words[:3])) == state else None

    def made_tag(self, key: str) -> str:
        with open(self.path(key), "rb") as file:
            return f'"{hashlib.file_digest(file, "md5").hexdigest()}"'

    def write(self, key: str, pieces: Iterable[bytes], only_new: bool, tag: str, in_parts: bool = False) -> None:
        """Durable before it returns; of two who ask for a new object at one time, one gets it."""
        path, made = self.path(key), self.objects / f".{uuid.uuid4().hex}"
        with open(made, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        try:
            with self.lock:
                if only_new and path.exists():
                    raise Refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
                seen = made.stat()
                state = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
                if in_parts:
                    (self.kept / path.name).write_text(" ".join(map(str, (*state, tag))))
                os.replace(made, path)
                self.tags[key] = (state, tag)
        finally:
            made.unlink(missing_ok=True)
        folder = os.open(self.objects, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def upload(self, number: str) -> Path:
        folder = self.uploads / number
        if not number.isalnum() or not folder.is_dir():
            raise Refusal(404, "NoSuchUpload")
        return folder


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def sha256_base64(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def signature(secret: str, method: str, path: str, query: str, headers, signed: list[str], body_hash: str, scope: str) -> str:
    """The signature of AWS Signature Version 4. `path` is as it was sent."""
    pairs = [(part.partition("=")[0], part.partition("=")[2]) for part in query.split("&") if part]
    canonical_query = "&".join(
        f"{urllib.parse.quote(urllib.parse.unquote_plus(k), safe='-_.~')}={urllib.parse.quote(urllib.parse.unquote_plus(v), safe='-_.~')}"
        for k, v in sorted(pairs)
    )
    lines = "".join(f"{name}:{' '.join((headers.get(name) or '').split())}\n" for name in signed)
    canonical = "\n".join([method, path, canonical_query, lines, ";".join(signed), body_hash])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store
    access_key: str
    secret: str

    def log_message(self, *_):
        pass

    def handle_any(self) -> None:
        path, _, query = self.path.partition("?")
        asked = urllib.parse.parse_qs(query, keep_blank_values=True)
        if path.startswith("/-/"):
            return self.control(path[3:], {name: values[0] for name, values in asked.items()})
        store = self.store
        if time.monotonic() < store.away_until:
            self.close_connection = True
            return None
        if store.slow:
            time.sleep(store.slow)
        try:
            body = self.body()
            with store.lock:
                store.counts[self.command] = store.counts.get(self.command, 0) + 1
                busy, store.busy = store.busy > 0, max(0, store.busy - 1)
            if busy:
                raise Refusal(503, "SlowDown", "Please reduce your request rate.")
            self.check_signature(path, query, body)
            if store.denied:
                raise Refusal(403, "AccessDenied")
            bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
            if bucket != store.bucket:
                raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
            self.answer(key, {name: values[0] for name, values in asked.items()}, body)
        except Refusal as refusal:
            text = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.words)}</Message></Error>"
            self.reply(refusal.status, text.encode(), {"Content-Type": "application/xml"})
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def body(self) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            raise Refusal(411, "MissingContentLength")
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            raise Refusal(400, "EntityTooLarge")
        body = self.rfile.read(length)
        if len(body) < length:
            raise Refusal(400, "IncompleteBody")
        return body

    def check_signature(self, path: str, query: str, body: bytes) -> None:
        text = self.headers.get("Authorization") or ""
        method, _, fields = text.partition(" ")
        if method != "AWS4-HMAC-SHA256":
            raise Refusal(403, "AccessDenied", "A request without a signature")
        found = dict(field.strip().partition("=")[::2] for field in fields.split(","))
        access_key, _, scope = found.get("Credential", "").partition("/")
        if access_key != self.access_key:
            raise Refusal(403, "InvalidAccessKeyId")
        signed = found.get("SignedHeaders", "").split(";")
        if "host" not in signed or "x-amz-date" not in signed or not scope.endswith("/s3/aws4_request"):
            raise Refusal(403, "SignatureDoesNotMatch")
        body_hash = self.headers.get("x-amz-content-sha256") or ""
        if body_hash != "UNSIGNED-PAYLOAD" and body_hash != hashlib.sha256(body).hexdigest():
            raise Refusal(400, "XAmzContentSHA256Mismatch")
        made = signature(self.secret, self.command, path, query, self.headers, signed, body_hash, scope)
        if not hmac.compare_digest(made, found.get("Signature", "")):
            raise Refusal(403, "SignatureDoesNotMatch")
        dated = datetime.datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs((datetime.datetime.now(datetime.timezone.utc) - dated).total_seconds()) > OLDEST_SECONDS:
            raise Refusal(403, "RequestTimeTooSkewed")

    def check_sums(self, body: bytes) -> None:
        sent = self.headers.get("x-amz-checksum-sha256")
        if sent and sent != sha256_base64(body):
            raise Refusal(400, "BadDigest", "The SHA256 you specified did not match what we received.")
        sent = self.headers.get("Content-MD5")
        if sent and sent != base64.b64encode(hashlib.md5(body).digest()).decode():
            raise Refusal(400, "BadDigest")

    def answer(self, key: str, asked: dict[str, str], body: bytes) -> None:
        way = (self.command, bool(key), "uploadId" in asked)
        if way == ("PUT", True, True):
            self.put_part(asked, body)
        elif way == ("PUT", True, False):
            self.check_sums(body)
            self.store.write(key, [body], self.only_new(), etag(body))
            self.reply(200, b"", {"ETag": etag(body), "x-amz-checksum-sha256": sha256_base64(body)})
        elif way == ("POST", True, True):
            self.complete(key, asked["uploadId"], body)
        elif self.command == "POST" and key and "uploads" in asked:
            number = uuid.uuid4().hex
            (self.store.uploads / number).mkdir()
            (self.store.uploads / number / "key").write_text(key)
            self.xml("InitiateMultipartUploadResult", f"<Bucket>{self.store.bucket}</Bucket><Key>{escape(key)}</Key><UploadId>{number}</UploadId>")
        elif self.command == "POST" and not key and "delete" in asked:
            self.delete_many(body)
        elif way == ("DELETE", True, True):
            self.discard(self.store.upload(asked["uploadId"]))
            self.reply(204)
        elif way == ("DELETE", True, False):
            self.store.path(key).unlink(missing_ok=True)
            self.reply(204)
        elif self.command in ("GET", "HEAD") and key:
            self.read(key)
        elif self.command == "GET" and asked.get("list-type") == "2":
            self.list(asked)
        elif self.command in ("HEAD", "PUT") and not key:
            self.reply(200)
        else:
            raise Refusal(501, "NotImplemented")

    def only_new(self) -> bool:
        condition = self.headers.get("If-None-Match")
        if condition not in (None, "*"):
            raise Refusal(501, "NotImplemented")
        return condition == "*"

    def read(self, key: str) -> None:
        length, modified, tag = self.store.tag(key)
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        headers["Last-Modified"] = datetime.datetime.fromtimestamp(modified, datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
        asked = self.headers.get("Range")
        if not asked or not asked.startswith("bytes="):
            return self.whole(key, length, headers)
        first, _, last = asked[len("bytes=") :].partition("-")
        if first:
            start, end = int(first), min(int(last) if last else length - 1, length - 1)
        else:
            start, end = max(0, length - int(last)), length - 1
        if start > end or start >= length:
            raise Refusal(416, "InvalidRange", "The requested range is not satisfiable")
        headers["Content-Range"] = f"bytes {start}-{end}/{length}"
        return self.reply(206, self.store.part(key, start, end + 1), headers)

    def whole(self, key: str, length: int, headers: dict[str, str]) -> None:
        with open(self.store.path(key), "rb") as file:
            self.reply(200, None, headers | {"Content-Length": str(length)})
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile)

    def put_part(self, asked: dict[str, str], body: bytes) -> None:
        folder, number = self.store.upload(asked["uploadId"]), int(asked["partNumber"])
        if not 1 <= number <= 10_000:
            raise Refusal(400, "InvalidArgument")
        self.check_sums(body)
        made = folder / f".{uuid.uuid4().hex}"
        made.write_bytes(body)
        os.replace(made, folder / f"part-{number:05}")
        self.reply(200, b"", {"ETag": etag(body), "x-amz-checksum-sha256": sha256_base64(body)})

    def complete(self, key: str, number: str, body: bytes) -> None:
        folder = self.store.upload(number)
        if (folder / "key").read_text() != key:
            raise Refusal(404, "NoSuchUpload")
        last, whole, sums = 0, [], b""
        for part in ElementTree.fromstring(body).iter():
            if part.tag.rpartition("}")[2] != "Part":
                continue
            fields = {child.tag.rpartition("}")[2]: (child.text or "") for child in part}
            this = int(fields["PartNumber"])
            if this <= last:
                raise Refusal(400, "InvalidPartOrder")
            last = this
            path = folder / f"part-{this:05}"
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                raise Refusal(400, "InvalidPart") from None
            if fields["ETag"].strip('"') != etag(data).strip('"') or fields.get("ChecksumSHA256", sha256_base64(data)) != sha256_base64(data):
                raise Refusal(400, "InvalidPart")
            whole.append(path)
            sums += hashlib.md5(data).digest()
        if not whole:
            raise Refusal(400, "MalformedXML")
        if any(path.stat().st_size < SMALLEST_PART for path in whole[:-1]):
            raise Refusal(400, "EntityTooSmall")
        tag = f'"{hashlib.md5(sums).hexdigest()}-{len(whole)}"'
        self.store.write(key, (path.read_bytes() for path in whole), self.only_new(), tag, in_parts=True)
        self.discard(folder)
        self.xml("CompleteMultipartUploadResult", f"<Bucket>{self.store.bucket}</Bucket><Key>{escape(key)}</Key><ETag>{escape(tag)}</ETag>")

    @staticmethod
    def discard(folder: Path) -> None:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    def delete_many(self, body: bytes) -> None:
        self.check_sums(body)
        done = ""
        for item in ElementTree.fromstring(body).iter():
            if item.tag.rpartition("}")[2] == "Key":
                self.store.path(item.text or "").unlink(missing_ok=True)
                done += f"<Deleted><Key>{escape(item.text or '')}</Key></Deleted>"
        self.xml("DeleteResult", done)

    def list(self, asked: dict[str, str]) -> None:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        after = asked.get("continuation-token") or asked.get("start-after", "")
        most = max(1, min(int(asked.get("max-keys", "1000")), self.store.page))
        lines, folders, more, last = [], [], False, ""
        for key in self.store.keys():
            if not key.startswith(prefix) or key <= after:
                continue
            if len(lines) + len(folders) == most:
                more = True
                break
            last = key
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut >= 0:
                folder = key[: cut + len(delimiter)]
                if folder not in folders:
                    folders.append(folder)
                continue
            try:
                size, changed, tag = self.store.tag(key)
            except (FileNotFoundError, Refusal):
                continue
            modified = datetime.datetime.fromtimestamp(changed, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            lines.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{modified}</LastModified><ETag>{escape(tag)}</ETag>"
                f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        lines += [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in folders]
        token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
        self.xml(
            "ListBucketResult",
            f"<Name>{self.store.bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(lines)}</KeyCount>"
            f"<MaxKeys>{most}</MaxKeys><IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{''.join(lines)}",
        )

    def control(self, name: str, asked: dict[str, str]) -> None:
        store = self.store
        if self.command != "POST":
            return self.reply(405)
        self.body()
        if name == "away":
            store.away_until = time.monotonic() + float(asked["seconds"])
        elif name == "busy":
            store.busy = int(asked["count"])
        elif name == "slow":
            store.slow = float(asked["milliseconds"]) / 1000
        elif name == "deny":
            store.denied = asked["on"] == "1"
        elif name == "lose":
            store.path(asked["key"]).unlink()
        elif name == "damage":
            body = bytearray(store.read(asked["key"]))
            body[len(body) // 2] ^= 0xFF
            store.write(asked["key"], [bytes(body)], only_new=False, tag=etag(bytes(body)))
        elif name == "counts":
            return self.reply(200, json.dumps(store.counts).encode(), {"Content-Type": "application/json"})
        else:
            return self.reply(404)
        return self.reply(200)

    def xml(self, name: str, inside: str) -> None:
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{SPACE}>{inside}</{name}>'
        self.reply(200, text.encode(), {"Content-Type": "application/xml"})

    def reply(self, status: int, body: bytes | None = b"", headers: dict[str, str] | None = None) -> None:
        """Without a body (`None`), that and its length are the caller's."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("x-amz-request-id", uuid.uuid4().hex)
        if status != 204 and body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and body is not None:
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    reader.add_argument("--listen", default="127.0.0.1:0")
    reader.add_argument("--folder", type=Path, required=True)
    reader.add_argument("--bucket", required=True)
    reader.add_argument("--certificate", type=Path, help="a certificate with its key: then it speaks TLS")
    reader.add_argument("--page", type=int, default=1000, help="the most keys on a page of a listing")
    asked = reader.parse_args()
    host, _, port = asked.listen.rpartition(":")
    Handler.store = Store(asked.folder, asked.bucket, asked.page)
    Handler.access_key, Handler.secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    with Server((host, int(port)), Handler) as server:
        if asked.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(asked.certificate)
            # the handshake is for the thread of the connection: who says nothing keeps nobody else waiting
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print(f"ready s3 http={host}:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()
