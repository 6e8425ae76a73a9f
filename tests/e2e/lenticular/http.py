"""HTTP as bytes: what a client would see, unaltered."""

import http.client
import json
import threading
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

FHIR_JSON = "application/fhir+json"
TIMEOUT = 120
# Sent as it stands; anything else is percent-encoded.
PRINTABLE = "".join(chr(code) for code in range(33, 127))


@dataclass
class Answer:
    """One response, with its header lines in the order in which they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    request: str = field(default="", compare=False)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self):
        return json.loads(self.body)

    def lexemes(self):
        """JSON as nested lists of pairs in order, with every number as the text that arrived."""
        return ordered(self.body)

    def expect(self, *statuses: int) -> "Answer":
        """This answer, if its status is one of these."""
        assert self.status in statuses, (
            f"{self.request} answered {self.status}, expected {' or '.join(map(str, statuses))}: {self.body[:800]!r}"
        )
        return self

    def without_date(self) -> tuple:
        """All that a caller can see but the clock."""
        return self.status, [(k.lower(), v) for k, v in self.headers if k.lower() != "date"], self.body


class Number(str):
    """A JSON number as it was written."""


def ordered(text: bytes | str):
    """Parses JSON and keeps the order of members and the digits of numbers."""
    return json.loads(text, object_pairs_hook=list, parse_float=Number, parse_int=Number)


class Client:
    """A keep-alive client per thread, with one bearer token."""

    def __init__(self, server, token: str | None):
        self.server = server
        self.token = token
        self._local = threading.local()

    def headers(self) -> dict:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def request(self, method: str, path: str, body=None, headers: dict | None = None, timeout: float = TIMEOUT) -> Answer:
        """Sends one request. `path` begins with `/`; `body` may be bytes, text, something for JSON, or an iterator."""
        sent = self.headers()
        sent.update(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        if isinstance(body, str):
            body = body.encode()
        path = quote(path, safe=PRINTABLE)
        fresh = self._connection() is None
        for attempt in (1, 2):
            connection = self._connection() or self._open(timeout)
            try:
                response = self._exchange(connection, method, path, body, sent)
                data = response.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # A kept-alive connection may have been closed meanwhile; reading again does no harm.
                self.close()
                if attempt == 2 or fresh or method not in ("GET", "HEAD"):
                    raise
                continue
            except BaseException:
                self.close()
                raise
            if response.will_close:
                self.close()
            return Answer(response.status, response.getheaders(), data, f"{method} {path}")
        raise AssertionError("unreachable")

    @staticmethod
    def _exchange(connection, method, path, body, headers):
        chunked = body is not None and not isinstance(body, bytes)
        try:
            connection.request(method, path, body=body, headers=headers, encode_chunked=chunked)
        except (BrokenPipeError, ConnectionResetError):
            # The server answered before it had read all (RFC 9112 §9.6): the answer is there to be read.
            if connection.sock is None:
                raise
            response = http.client.HTTPResponse(connection.sock, method=method)
            response.begin()
            response.will_close = True
            return response
        return connection.getresponse()

    def _connection(self):
        known = getattr(self._local, "known", None)
        return known[1] if known and known[0] == self.server.http else None

    def _open(self, timeout):
        host, port = self.server.http.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        self._local.known = (self.server.http, connection)
        return connection

    def close(self) -> None:
        known = getattr(self._local, "known", None)
        if known:
            known[1].close()
        self._local.known = None

    def get(self, path: str, accept: str | None = None, query=None, **headers: str) -> Answer:
        if query:
            path += "?" + urlencode(query, doseq=True)
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        if accept:
            sent["Accept"] = accept
        return self.request("GET", path, headers=sent)

    # FHIR

    def fhir(self, method: str, path: str, body=None, **headers: str) -> Answer:
        """One FHIR request; `path` is below `/fhir`, such as `Patient?name=x`; `If_Match` is sent as `If-Match`."""
        sent = {"Accept": FHIR_JSON}
        if body is not None:
            sent["Content-Type"] = FHIR_JSON
        sent.update({key.replace("_", "-"): value for key, value in headers.items()})
        return self.request(method, f"/fhir/{path}" if path else "/fhir", body, sent)

    def create(self, resource: dict, **headers: str) -> dict:
        return self.fhir("POST", resource["resourceType"], resource, **headers).expect(201).json()

    def search(self, path: str) -> dict:
        return self.fhir("GET", path).expect(200).json()

    def ids(self, path: str) -> set[str]:
        """The ids of all matches of a search, over all pages."""
        return {entry["resource"]["id"] for entry in self.matches(path)}

    def matches(self, path: str):
        """All matches of a search, page by page."""
        bundle = self.search(path)
        while True:
            for entry in bundle.get("entry", []):
                if entry.get("search", {}).get("mode") == "match":
                    yield entry
            following = next_link(bundle)
            if following is None:
                return
            bundle = self.request("GET", below_host(following), headers={"Accept": FHIR_JSON}).expect(200).json()


def next_link(bundle: dict) -> str | None:
    return next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)


def below_host(url: str) -> str:
    """The path and query of an absolute URL; a relative one as it is."""
    if "://" not in url:
        return url if url.startswith("/") else f"/fhir/{url}"
    return "/" + url.split("://", 1)[1].partition("/")[2]
