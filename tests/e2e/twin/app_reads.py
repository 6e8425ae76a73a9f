"""The app's API as it is read: every list and thing, by every role."""

from .fhir_reads import EVERYBODY
from .network import ROOT
from .requests import Request, get

JSON = "application/json"
WHO = [*EVERYBODY, "hospital-a radiologist", "hospital-b administrator", "hospital-a patient"]


def reads(conflicts: list[str]) -> list[Request]:
    """`conflicts`: the ids of what waits in the tray of hospital A, as its list names them."""
    paths = ["/api/members", "/api/shares", "/api/shares?direction=incoming", "/api/shares?direction=outgoing", "/api/shares?direction=sideways", "/api/conflicts", "/api/users", "/api/devices", "/api/setup", "/api/nothing",
             f"/api/annotations/{ROOT}.101", f"/api/annotations/{ROOT}.103", "/api/annotations/1.2.3", "/api/conflicts/none", "/api/audit.csv?date=lt2000", "/api/audit.csv?date=x", "/api/openapi.json", "/api/session",
             "/fhir/AuditEvent?date=lt2000", "/fhir/AuditEvent?action=X", "/fhir/AuditEvent?patient=p1&patient=p2", "/fhir/AuditEvent/none", "/healthz"]
    for conflict in conflicts:
        paths += [f"/api/conflicts/{conflict}", *(f"/api/conflicts/{conflict}/rendered?which={which}" for which in ("incoming", "current", "other"))]
    return [get(who, path, "*/*" if "rendered" in path else JSON) for who in WHO for path in paths]
