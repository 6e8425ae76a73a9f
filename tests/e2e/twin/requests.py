"""A request as it is recorded: who asks, and what exactly. The same list each time, from a fixed seed."""

from dataclasses import dataclass

from lenticular.http import FHIR_JSON


@dataclass(frozen=True)
class Request:
    """One HTTP request; `who` is a member and a role, such as `hospital-a clinician`, or `nobody`."""

    who: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    # How many `next` links are followed behind it.
    pages: int = 0
    # The name under which the id that the server made is kept; later paths and bodies have it as `{name}`.
    keep: str = ""

    def __str__(self) -> str:
        body = f" {self.body[:300]!r}" if self.body else ""
        return f"{self.who}: {self.method} {self.path} {dict(self.headers)}{body}"


def get(who: str, path: str, accept: str, pages: int = 0, **headers: str) -> Request:
    named = [("Accept", accept), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return Request(who, "GET", path, tuple(named), None, pages)


def fhir(who: str, method: str, path: str, body: bytes | str | None = None, pages: int = 0, **headers: str) -> Request:
    """A FHIR request; `path` is below `/fhir`."""
    named = [("Accept", FHIR_JSON), *((name.replace("_", "-"), value) for name, value in headers.items())]
    if body is not None and "Content_Type" not in headers:
        named.append(("Content-Type", FHIR_JSON))
    data = body.encode() if isinstance(body, str) else body
    return Request(who, method, f"/fhir/{path}" if path else "/fhir", tuple(named), data, pages)


def distinct(requests: list[Request]) -> list[Request]:
    """Each once, in the order of the first."""
    return list(dict.fromkeys(requests))
