"""Plays one request on both servers and says how the answers differ, to the byte, behind the masks that are named here."""

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from lenticular.http import Answer, Client, below_host, next_link

from .requests import Request

INSTANT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MADE = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|lt_[0-9a-f]{48}|(?<![0-9a-f.-])[0-9a-f]{16}(?![0-9a-f.-])|(?<=[\":/])[0-9a-f]{32}(?![0-9a-f])")
PAGE = re.compile(rb"(_page=[0-9]+~[0-9-]+~)[0-9]{13}")
AUDIT_PAGE = re.compile(rb"(AuditEvent\?[^\"]*_page=)[0-9]+")
STATEMENT = re.compile(rb'(^\{"(?:resourceType":"CapabilityStatement","|)date":")\d{4}-\d\d-\d\dT[0-9:.]+Z')
SORTED = re.compile(rb"(_page=[0-9]+~[0-9-]+~[0-9A-Z]+~i)([0-9]{13})")
ENDS = re.compile(rb'("expires":")(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)')
ASKED = re.compile(rb'("query":")([A-Za-z0-9+/]+=*)"')
BOUNDARY = re.compile(r"boundary=\"?([0-9a-zA-Z-]+)")
NOT_COMPARED = {"date", "x-request-id"}


@dataclass
class Masks:
    """What may differ, and how often it did: nothing else is touched."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    # Whether times of the writing count: not where one store is a copy of the other and neither was written since.
    times: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    # An id that the right one made -> the one that the left one made at the same place.
    ids: dict[bytes, bytes] = field(default_factory=dict)
    known: set[bytes] = field(default_factory=set)

    def count(self, name: str, times: int = 1) -> None:
        if times:
            self.counts[name] = self.counts.get(name, 0) + times

    def recent(self, text: bytes, ahead: timedelta = timedelta()) -> bool:
        """Whether it is a time at which these tests ran, or one so far ahead of it."""
        try:
            when = datetime.strptime(text.decode(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        except ValueError:
            return False
        return self.began <= when <= datetime.now(UTC) + ahead

    def body(self, left: bytes, right: bytes) -> tuple[bytes, bytes]:
        if left == right:
            return left, right
        left, right = self._pages(left), self._pages(right)
        if self.times:
            left, right = self._times(left), self._times(right)
        return left, self._ids(left, right)

    def _pages(self, text: bytes) -> bytes:
        def asked(match):
            query = base64.b64decode(match[2])
            return match[0] if b"_page=" not in query else match[1] + self._pages(query) + b'"'

        text = ASKED.sub(asked, text)
        text, pages = PAGE.subn(rb"\1TIME", text)
        text, audit = AUDIT_PAGE.subn(rb"\1CURSOR", text)
        text, statements = STATEMENT.subn(rb"\1NOW", text)
        self.count("the time at which the capability statement was asked for", statements)
        self.count("the time at which a search began, in its next link", pages)
        self.count("the cursor of the audit log, in its next link", audit)
        return text

    def _times(self, text: bytes) -> bytes:
        """Only times at which these tests ran, and the ends of sessions: what a client wrote stays."""
        def mask(match):
            if not self.recent(match[0]):
                return match[0]
            self.count("a time at which the server wrote")
            return b"NOW"

        def end(match):
            if not self.recent(match[2], timedelta(days=31)):
                return match[0]
            self.count("the end of a session or link that began in the tests")
            return match[1] + b"LATER"

        def key(match):
            if not self.began.timestamp() <= int(match[2]) / 1000 <= datetime.now(UTC).timestamp():
                return match[0]
            self.count("a time at which the server wrote")
            return match[1] + b"NOW"

        return SORTED.sub(key, ENDS.sub(end, INSTANT.sub(mask, text)))

    def _ids(self, left: bytes, right: bytes) -> bytes:
        """The right text with each id that its server made named as the left one named it: one to one, by where it stood first."""
        ours, theirs = MADE.findall(left), MADE.findall(right)
        if len(ours) == len(theirs):
            for one, other in zip(ours, theirs):
                if one != other and other not in self.ids and one not in self.known:
                    self.ids[other] = one
                    self.known.add(one)
                    self.count("an id that the server made")

        return MADE.sub(lambda match: self.ids.get(match[0], match[0]), right)


class Twins:
    """Two servers, the clients of both, and what the answers to all requests were."""

    def __init__(self, left, right, clients: dict[str, tuple[Client, Client]], masks: Masks):
        self.left, self.right, self.clients, self.masks = left, right, clients, masks
        self.kept: tuple[dict, dict] = ({}, {})
        self.differences: list[str] = []
        self.played = 0
        self.statuses: dict[int, int] = {}

    def play(self, request: Request) -> None:
        """Asks both, and follows the next links as far as the request says."""
        path = (request.path, request.path)
        for page in range(request.pages + 1):
            answers = [self.ask(side, request, path[side]) for side in (0, 1)]
            self.played += 1
            self.statuses[answers[0].status] = self.statuses.get(answers[0].status, 0) + 1
            self.compare(f"{request}{f', page {page + 1}' if page else ''}", *answers)
            if request.keep:
                for side in (0, 1):
                    self.kept[side][request.keep] = made(answers[side])
            following = [next_of(answer) for answer in answers]
            if page == request.pages or not all(following):
                return
            path = tuple(below_host(one) for one in following)

    def ask(self, side: int, request: Request, path: str) -> Answer:
        def fill(text: str) -> str:
            for name, value in self.kept[side].items():
                text = text.replace("{" + name + "}", value)
            return text

        client = self.clients[request.who][side]
        if request.method not in ("GET", "HEAD"):
            # A connection that was idle for half a minute is closed, and only reads may be sent again.
            client.close()
        answer = client.request(request.method, fill(path), request.body, dict(request.headers))
        if request.body is not None:
            # A body that was refused early may be the end of the connection (RFC 9112 §9.6).
            client.close()
        return answer

    def compare(self, request: str, left: Answer, right: Answer) -> None:
        told = []
        if left.status != right.status:
            told.append(f"status {left.status} and {right.status}")
        left, right = self.same_boundary(left), self.same_boundary(right)
        ours, theirs = self.headers(left), self.headers(right)
        body, other = self.masks.body(left.body, right.body)
        for (name, one), (_, two) in zip(ours, theirs):
            if one != two:
                one, two = self.masks.body(one.encode(), two.encode())
                if one != two and not self.same_moment(name, one, two):
                    told.append(f"header {name}: {one!r} and {two!r}")
        if [name for name, _ in ours] != [name for name, _ in theirs]:
            told.append(f"headers {ours} and {theirs}")
        if body != other:
            told.append(difference(body, other))
        if told:
            self.differences.append(f"{request}\n    " + "\n    ".join(told))

    def same_boundary(self, answer: Answer) -> Answer:
        """An answer of several parts with its boundary, which is a new one each time, named alike."""
        found = BOUNDARY.search(answer.header("Content-Type") or "")
        if not found:
            return answer
        self.masks.count("the boundary of a multipart answer")
        fill = "b" * len(found[1])
        headers = [(name, value.replace(found[1], fill) if name.lower() == "content-type" else value) for name, value in answer.headers]
        return Answer(answer.status, headers, answer.body.replace(b"--" + found[1].encode(), b"--" + fill.encode()), answer.request)

    def same_moment(self, name: str, one: bytes, two: bytes) -> bool:
        """Whether both are times at which the servers wrote."""
        if name != "last-modified" or not self.masks.times:
            return False
        self.masks.count("a time at which the server wrote")
        began = self.masks.began.timestamp()
        return all(parsedate_to_datetime(text.decode()).timestamp() >= began - 1 for text in (one, two))

    @staticmethod
    def headers(answer: Answer) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in answer.headers if name.lower() not in NOT_COMPARED]


def made(answer: Answer) -> str:
    """The id of what was made: from its Location, else from its body."""
    location = answer.header("Location")
    if location:
        return location.split("/_history")[0].rsplit("/", 1)[-1]
    try:
        body = answer.json()
    except ValueError:
        return "none"
    return str(body.get("id", "none")) if isinstance(body, dict) else "none"


def next_of(answer: Answer) -> str | None:
    if answer.status != 200 or b'"next"' not in answer.body:
        return None
    return next_link(answer.json())


def difference(left: bytes, right: bytes) -> str:
    """Where two bodies part, with what stands around it."""
    at = next((n for n, (one, two) in enumerate(zip(left, right)) if one != two), min(len(left), len(right)))
    start = max(0, at - 120)
    return f"bodies of {len(left)} and {len(right)} bytes part at {at}:\n      left  {left[start : at + 160]!r}\n      right {right[start : at + 160]!r}"
