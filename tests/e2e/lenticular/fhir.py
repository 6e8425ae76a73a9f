"""FHIR in the suites: what a bundle should become, resource by resource."""

from .http import Number, ordered
from .inputs import synthea


def member(pairs: list, name: str):
    """The value of one member of an ordered object; None where it is absent."""
    return next((value for key, value in pairs if key == name), None)


def is_object(value) -> bool:
    return isinstance(value, list) and all(isinstance(one, tuple) for one in value) and bool(value)


def without_identity(resource: list) -> list:
    """A resource without what the server gives it: `id`, and `meta.versionId` and `meta.lastUpdated`."""
    out = []
    for key, value in resource:
        if key == "id":
            continue
        if key == "meta":
            value = [(k, v) for k, v in value if k not in ("versionId", "lastUpdated")]
            if not value:
                continue
        out.append((key, value))
    # `meta` may have moved: it is compared, its place among the members is not.
    return sorted((pair for pair in out if pair[0] == "meta"), key=lambda pair: pair[0]) + [p for p in out if p[0] != "meta"]


def resolved(value, names: dict[str, str], conditional: dict[str, str]):
    """The same tree with references to `urn:uuid:` and `Type?criteria` as the server resolves them."""
    if is_object(value):
        return [(key, reference(one, names, conditional) if key == "reference" else resolved(one, names, conditional)) for key, one in value]
    if isinstance(value, list):
        return [resolved(one, names, conditional) for one in value]
    return value


def reference(value, names, conditional):
    if isinstance(value, str) and not isinstance(value, Number):
        return names.get(value) or conditional.get(value) or value
    return value


class Loaded:
    """The Synthea bundles as they were sent, and where each resource went."""

    def __init__(self):
        # `Type/id` -> the resource as sent, references resolved
        self.expected: dict[str, list] = {}
        self.counts: dict[str, int] = {}

    def load(self, client) -> "Loaded":
        for file in synthea():
            self.add(client, file.name, file.read_bytes())
        return self

    def add(self, client, name: str, body: bytes) -> None:
        answer = client.fhir("POST", "", body)
        assert answer.status == 200, f"{name}: the transaction answered {answer.status}: {answer.body[:800]!r}"
        bundle = ordered(body)
        entries = member(bundle, "entry")
        answered = answer.json()
        # The patients come as transactions, their hospitals and practitioners as batches.
        wanted = f"{member(bundle, 'type')}-response"
        assert answered["type"] == wanted, f"{name}: answered by a {answered['type']}, not a {wanted}"
        assert len(answered["entry"]) == len(entries), f"{name}: {len(entries)} entries, {len(answered['entry'])} answers"
        names, sent = {}, []
        for entry, response in zip(entries, answered["entry"]):
            status = response["response"]["status"]
            assert status.startswith(("200", "201")), f"{name}: an entry answered {status}"
            location = "/".join(response["response"]["location"].split("/_history")[0].split("/")[-2:])
            names[member(entry, "fullUrl")] = location
            if status.startswith("201"):
                sent.append((location, member(entry, "resource")))
        conditional = self.criteria()
        for location, resource in sent:
            self.expected[location] = resolved(resource, names, conditional)
            kind = location.split("/")[0]
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def criteria(self) -> dict[str, str]:
        """`Practitioner?identifier=system|value` for each resource that was loaded with an identifier."""
        found = {}
        for location, resource in self.expected.items():
            kind = location.split("/")[0]
            if kind in ("Organization", "Practitioner", "Location"):
                for identifier in member(resource, "identifier") or []:
                    key = f"{kind}?identifier={member(identifier, 'system')}|{member(identifier, 'value')}"
                    found[key] = location
        return found


def total(client, path: str) -> int:
    joint = "&" if "?" in path else "?"
    return client.search(f"{path}{joint}_summary=count")["total"]
