"""multipart/related, as DICOMweb sends and receives it (RFC 2387, PS3.18 §8.6)."""

from dataclasses import dataclass
from email.message import Message

BOUNDARY = "lenticular-e2e-boundary"
STOW_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@dataclass
class Part:
    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        return self.headers.get("content-type", "")


def parameter(content_type: str, name: str) -> str | None:
    message = Message()
    message["Content-Type"] = content_type
    value = message.get_param(name)
    return value if isinstance(value, str) else None


def parts(answer) -> list[Part]:
    """The parts of a multipart answer, to the byte."""
    content_type = answer.header("Content-Type") or ""
    assert content_type.lower().startswith("multipart/related"), (
        f"{answer.request} answered {answer.status} with `{content_type}`, not multipart/related: {answer.body[:300]!r}"
    )
    boundary = parameter(content_type, "boundary")
    assert boundary, f"no boundary in `{content_type}`"
    mark = b"\r\n--" + boundary.encode()
    pieces = (b"\r\n" + answer.body).split(mark)
    assert len(pieces) >= 2, f"{answer.request}: the boundary `{boundary}` does not occur in the body"
    assert pieces[-1].startswith(b"--"), f"{answer.request}: the multipart body has no end"
    found = []
    for piece in pieces[1:-1]:
        head, separator, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        assert separator, f"{answer.request}: a part without a blank line after its headers"
        headers = {}
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        found.append(Part(headers, body))
    return found


def stow_body(files: list[bytes]) -> bytes:
    """DICOM files as one multipart body."""
    out = []
    for data in files:
        out += [f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode(), data, b"\r\n"]
    out.append(f"--{BOUNDARY}--\r\n".encode())
    return b"".join(out)
