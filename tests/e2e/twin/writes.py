"""What changes something, with a look at it behind each change: by FHIR, STOW-RS and the app's API. Played in this order on both."""

import json
import random

from lenticular.dicom import DICOM_JSON
from lenticular.http import FHIR_JSON
from lenticular.multipart import STOW_TYPE, stow_body

from .fhir_reads import A, B, R
from .network import ALL_IMAGES, LABS, LOINC, ROOT, SEED, UCUM, Raw, coding, image, written
from .requests import Request, fhir, get

ADMIN = "hospital-a administrator"
JSON = "application/json"


def writes() -> list[Request]:
    pick = random.Random(f"{SEED} writes")
    return [*creates(pick), *updates(), *conditions(), *bundles(pick), *limits(pick), *wrong(), *shared(), *stored(pick), *app(), *looks()]


def create(kind: str, resource, keep: str = "", who: str = A, **headers: str) -> Request:
    one = fhir(who, "POST", kind, resource if isinstance(resource, (str, bytes)) else written(resource), **headers)
    return Request(one.who, one.method, one.path, one.headers, one.body, 0, keep)


def creates(pick) -> list[Request]:
    made = []
    for number in range(20):
        code, unit, low, high, digits = pick.choice(LABS)
        value = f"{pick.uniform(low, high):.{digits}f}"
        made.append(create("Observation", {"resourceType": "Observation", "status": "final", "code": coding(LOINC, code, "x"), "subject": {"reference": f"Patient/p{number}"},
                                           "effectiveDateTime": f"2026-01-{number + 1:02}", "valueQuantity": {"value": Raw(value), "unit": unit, "system": UCUM, "code": unit}}, f"observation{number}"))
        made += [fhir(A, "GET", f"Observation/{{observation{number}}}"), fhir(A, "GET", f"Observation?value-quantity={value}||{unit}&date=2026-01-{number + 1:02}"), fhir(B, "GET", f"Observation/{{observation{number}}}")]
    for text in ("1.00", "0.10", "1e3", "-0.0", "123456789012345678901234567890.5", "1.0E-2", "1e308", "9e307", "1e-308", "0.1e-300", "1E+2", "99999999999999999999"):
        made.append(create("Observation", '{"resourceType":"Observation","status":"final","code":{"text":"digits"},"valueQuantity":{"value":%s,"unit":"u%s"}}' % (text, text), "digits"))
        made += [fhir(A, "GET", "Observation/{digits}"), fhir(A, "GET", f"Observation?value-quantity={text.replace('+', '%2B')}"), fhir(A, "GET", f"Observation?value-quantity=ge{text.replace('+', '%2B')}&_sort=value-quantity&_count=5")]
    for prefer in ("return=minimal", "return=representation", "return=OperationOutcome"):
        made.append(create("Basic", {"resourceType": "Basic", "code": {"text": prefer}}, "", A, Prefer=prefer))
    return made


def updates() -> list[Request]:
    made = []
    for number in range(10, 22):
        path = f"Patient/p{number}"
        body = written({"resourceType": "Patient", "id": f"p{number}", "name": [{"family": f"Changed{number}"}], "birthDate": "1999-09-09"})
        made += [fhir(A, "PUT", path, body, If_Match='W/"7"'), fhir(A, "PUT", path, body, If_Match='W/"1"'), fhir(A, "PUT", path, body, If_None_Match="*"), fhir(A, "GET", f"Patient?family=changed{number}"), fhir(A, "GET", f"{path}/_history")]
    for number in range(22, 28):
        path = f"Condition/c{number}"
        made += [fhir(A, "DELETE", path, If_Match='W/"9"'), fhir(A, "DELETE", path), fhir(A, "DELETE", path), fhir(A, "GET", path), fhir(A, "GET", f"Condition?patient=p{number}"), fhir(A, "GET", f"{path}/_history")]
        made += [fhir(A, "PUT", path, written({"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": f"Patient/p{number}"}, "code": {"text": "back"}})), fhir(A, "GET", path)]
    made += [fhir(A, "PUT", "Patient/fresh.id-1", '{"resourceType":"Patient","id":"fresh.id-1"}'), fhir(A, "PUT", "Patient/fresh.id-1", '{"resourceType":"Patient","id":"other"}'), fhir(A, "PUT", "Patient/no_id!", '{"resourceType":"Patient","id":"no_id!"}')]
    return made


def conditions() -> list[Request]:
    made = []
    for number in range(10):
        value = f"urn:cond|{number}"
        one = {"resourceType": "Patient", "identifier": [{"system": "urn:cond", "value": str(number)}], "name": [{"family": "Conditional"}]}
        made += [create("Patient", one, f"cond{number}", A, If_None_Exist=f"identifier={value}"), create("Patient", one, "", A, If_None_Exist=f"identifier={value}"), fhir(A, "PUT", f"Patient?identifier={value}", written({**one, "active": True})),
                 fhir(A, "GET", f"Patient?identifier={value}"), create("Patient", one, "", B, If_None_Exist=f"identifier={value}")]
        if number % 2:
            made += [create("Patient", one), fhir(A, "PUT", f"Patient?identifier={value}", written(one)), create("Patient", one, "", A, If_None_Exist=f"identifier={value}"), fhir(A, "DELETE", f"Patient?identifier={value}")]
        else:
            made += [fhir(A, "DELETE", f"Patient?identifier={value}"), fhir(A, "DELETE", f"Patient?identifier={value}"), fhir(A, "GET", f"Patient/{{cond{number}}}")]
    made += [fhir(A, "PUT", "Patient?identifier=urn:cond|new", '{"resourceType":"Patient","id":"p3","identifier":[{"system":"urn:cond","value":"new"}]}'), fhir(A, "DELETE", "Patient"), fhir(A, "DELETE", "Patient?_count=1"),
             create("Patient", {"resourceType": "Patient"}, "", A, If_None_Exist="nonsense=1"), create("Patient", {"resourceType": "Patient"}, "", A, If_None_Exist="")]
    return made


def bundles(pick) -> list[Request]:
    made = []
    for number in range(12):
        mother = f"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e3009459{number:02}"
        entries = [{"fullUrl": mother, "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:bundle", "value": str(number)}], "name": [{"family": "Bundled"}]}, "request": {"method": "POST", "url": "Patient"}},
                   {"resource": {"resourceType": "Condition", "subject": {"reference": mother}, "code": {"text": "x"}, "asserter": {"reference": "Practitioner?identifier=urn:doctor|1002"}}, "request": {"method": "POST", "url": "Condition"}},
                   {"request": {"method": "GET", "url": f"Patient?identifier=urn:bundle|{number}"}}, {"request": {"method": "DELETE", "url": f"AllergyIntolerance/a{number}"}},
                   {"resource": {"resourceType": "Encounter", "id": f"e{number}-0", "status": "cancelled", "class": {"code": "AMB"}}, "request": {"method": "PUT", "url": f"Encounter/e{number}-0", **({"ifMatch": 'W/"2"'} if number % 4 == 3 else {})}}]
        if number % 5 == 4:
            entries.append({"resource": {"resourceType": "Observation", "status": "final"}, "request": {"method": "POST", "url": "Observation"}})
        if number % 3 == 2:
            entries.append({"resource": {"resourceType": "Condition", "subject": {"reference": "Patient?identifier=urn:bundle|nobody"}}, "request": {"method": "POST", "url": "Condition"}})
        pick.shuffle(entries)
        for kind in ("transaction", "batch"):
            made.append(fhir(A, "POST", "", written({"resourceType": "Bundle", "type": kind, "entry": entries})))
            made += [fhir(A, "GET", f"Patient?identifier=urn:bundle|{number}&_revinclude=Condition:patient"), fhir(A, "GET", f"Encounter/e{number}-0"), fhir(A, "GET", f"AllergyIntolerance/a{number}")]
    many = [{"resource": {"resourceType": "Basic", "code": {"text": str(n)}, "identifier": [{"system": "urn:many", "value": str(n)}]}, "request": {"method": "POST", "url": "Basic", "ifNoneExist": f"identifier=urn:many|{n % 90}"}} for n in range(100)]
    made += [fhir(A, "POST", "", written({"resourceType": "Bundle", "type": kind, "entry": many})) for kind in ("batch", "transaction")]
    reads = [{"request": {"method": "GET", "url": url}} for url in ("Patient/p1", "Patient/none", "Patient?family=berg", "Nonsense", "Patient/p1/_history", "metadata", "Condition?patient=p7&_count=1")]
    made += [fhir(who, "POST", "", written({"resourceType": "Bundle", "type": kind, "entry": reads})) for who in (A, B, ADMIN, "hospital-a registrar") for kind in ("batch", "transaction")]
    made.append(fhir(A, "GET", "Basic?identifier=urn:many|&_summary=count"))
    return made


def noise(pick, length: int, letters: str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
    """Text that does not compress: an index has its own limits for what it holds."""
    return "".join(pick.choice(letters) for _ in range(length))


def limits(pick) -> list[Request]:
    """Long values, every kind of character, and dates and numbers at the ends of what can be kept."""
    made = []
    for length in (500, 1300, 2600, 2800, 5000, 8000, 20_000):
        for letters in ("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "äöüéèñçøåßαβγδж山田太郎💧🏥"):
            text = noise(pick, length, letters)
            made.append(create("Patient", {"resourceType": "Patient", "name": [{"family": text, "given": [text[:100]]}], "identifier": [{"system": f"urn:{text}", "value": text}]}, "long"))
            made += [fhir(A, "GET", "Patient/{long}"), fhir(A, "GET", f"Patient?family={text[:200]}"), fhir(A, "GET", f"Patient?identifier={text[:1500]}"), fhir(A, "GET", f"Patient?family:exact={text[:2000]}")]
        made.append(create("ValueSet", {"resourceType": "ValueSet", "status": "active", "url": "http://example.org/" + noise(pick, length)}, "uri"))
        made += [fhir(A, "GET", "ValueSet/{uri}"), create("Observation", {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:" + noise(pick, length), "code": noise(pick, length)}]}, "valueQuantity": {"value": Raw("1"), "unit": noise(pick, length)}})]
    for text in ("\\u0000", "a\\u0000b", "\\u0001", "\\ud800", "\\ud83d\\udca7", "\\uffff", "\\t", "\\u007f", "\\u0085", "\\u200b", "\\ufeff", "\\u202e", "e\\u0301", "\\u1100\\u1161", "ﬁ", "İ", "ǅ", "ß", "\\udc00"):
        made.append(create("Patient", '{"resourceType":"Patient","name":[{"family":"odd%s"}],"identifier":[{"system":"urn:odd","value":"%s"}]}' % (text, text), "odd"))
        made += [fhir(A, "GET", "Patient/{odd}"), fhir(A, "GET", "Patient?identifier=urn:odd|&_sort=family,identifier&_count=40"), fhir(A, "GET", "Patient?family=odd&_sort=-family")]
    for when in ("0001", "0001-01-01", "9999", "9999-12-31", "1582-10-10", "1900-02-28", "2000-02-29", "1969-12-31", "1970-01-01"):
        made.append(create("Patient", {"resourceType": "Patient", "birthDate": when, "identifier": [{"system": "urn:when", "value": when}]}))
        made += [fhir(A, "GET", f"Patient?identifier=urn:when|&birthdate={when}"), fhir(A, "GET", "Patient?identifier=urn:when|&_sort=-birthdate"), fhir(A, "GET", f"Patient?identifier=urn:when|&birthdate=lt{when}&_sort=birthdate")]
    for when in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999-14:00", "2016-12-31T23:59:60Z", "2020-01-01T24:00:00Z", "2020-06-01T12:00:00.1234567891234Z"):
        made.append(create("Observation", {"resourceType": "Observation", "status": "final", "code": {"text": "when"}, "effectiveDateTime": when, "identifier": [{"system": "urn:when", "value": "o"}]}))
        made.append(fhir(A, "GET", "Observation?identifier=urn:when|o&_sort=date"))
    return made


def wrong() -> list[Request]:
    bodies = [b"{", b"[]", b"", b"null", b'{"resourceType":"Nonsense"}', b'{"resourceType":"Observation","status":"final","code":{"text":"x"}}', b'{"resourceType":"Patient","nmae":[]}', b'{"resourceType":"Patient","birthDate":"yesterday"}', b'{"resourceType":"Patient","active":"true"}',
              b'{"resourceType":"Patient","gender":"robot"}', b'{"resourceType":"Patient","name":{"family":"x"}}', b'{"resourceType":"Patient","name":[]}', b'{"resourceType":"Patient","active":true,"active":false}', b"\xff\xfe", b'{"resourceType":"Patient","text":{"status":"generated","div":"<script/>"}}',
              b'{"resourceType":"Patient","link":[{"other":{"reference":"Observation/x"},"type":"seealso"}]}', b"[" * 500, b'{"resourceType":"Patient","birthDate":"0000-01-01"}', b'{"resourceType":"Patient","multipleBirthInteger":99999999999}']
    made = [fhir(A, "POST", "Patient", body) for body in bodies]
    made += [fhir(who, "POST", "Patient", '{"resourceType":"Patient"}') for who in (ADMIN, R, "nobody", "hospital-a registrar", "hospital-a patient")]
    made += [fhir(who, "DELETE", "Patient/p5") for who in (ADMIN, R, "nobody")]
    made += [Request(A, "POST", "/fhir/Patient", (("Content-Type", kind), ("Accept", FHIR_JSON)), b"<Patient/>") for kind in ("text/plain", "application/fhir+xml", "application/json")]
    made += [fhir(A, "POST", "AuditEvent", '{"resourceType":"AuditEvent"}'), fhir(A, "PATCH", "Patient/p5", "[]"), fhir(A, "DELETE", "Nonsense/1"), fhir(A, "PUT", "Patient", '{"resourceType":"Patient"}'), fhir(A, "POST", "", '{"resourceType":"Bundle","type":"collection"}')]
    return made


def shared() -> list[Request]:
    """B meets what A gave it: it reads, and it does not write."""
    made = []
    for path, body in (("Patient/p7", '{"resourceType":"Patient","id":"p7"}'), ("Condition/c7", '{"resourceType":"Condition","id":"c7","subject":{"reference":"Patient/p7"}}')):
        made += [fhir(B, "GET", path), fhir(R, "PUT", path, body), fhir(R, "DELETE", path), fhir(R, "GET", f"{path}/_history"), fhir(R, "POST", "", '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"DELETE","url":"%s"}}]}' % path)]
    for to, what in (("hospital-b", {"patient": "p9"}), ("reading-centre", {"study": f"{ROOT}.105"})):
        give = json.dumps({**what, "to": to}).encode()
        headers = (("Content-Type", JSON), ("Accept", JSON))
        reader = B if to == "hospital-b" else R
        seen = [fhir(reader, "GET", "Patient?_summary=count"), fhir(reader, "GET", "Observation?_total=accurate&_count=1"), get(reader, "/dicom-web/studies", DICOM_JSON), fhir(reader, "GET", "ImagingStudy")]
        made += [*seen, Request(A, "POST", "/api/shares", headers, give, 0, "share"), *seen, Request(A, "GET", "/api/shares", (("Accept", JSON),)), Request(reader, "GET", "/api/shares?direction=incoming", (("Accept", JSON),)),
                 Request(reader, "DELETE", "/api/shares/{share}"), Request(A, "DELETE", "/api/shares/{share}"), *seen, Request(A, "DELETE", "/api/shares/{share}")]
    return made


def stow(data: list[bytes], study: str = "", who: str = A, accept: str = DICOM_JSON, kind: str = STOW_TYPE) -> Request:
    return Request(who, "POST", f"/dicom-web/studies{'/' if study else ''}{study}", (("Content-Type", kind), ("Accept", accept)), stow_body(data))


def stored(pick) -> list[Request]:
    made = []
    for number in range(300, 312):
        new = [image(number, 1, n, "CT", pick, PatientID=f"N{number % 4}", PatientName=f"New^{number}", StudyDate="20260101", AccessionNumber=f"NEW{number}", StudyDescription="new") for n in (1, 2)]
        made += [*(stow([one.data]) for one in new), stow([new[0].data]), get(A, f"/dicom-web/studies?StudyInstanceUID={new[0].study}", DICOM_JSON), get(A, f"{new[1].url}/metadata", DICOM_JSON), get(A, new[0].url, 'multipart/related; type="application/dicom"'),
                 fhir(A, "GET", f"ImagingStudy?identifier=urn:oid:{new[0].study}"), get(B, f"{new[0].url}/metadata", DICOM_JSON), fhir(A, "GET", f"Patient?identifier=N{number % 4}")]
    other = image(300, 1, 1, "MR", pick, PatientID="N0", PatientName="New^300", StudyDate="20260101")
    stranger = image(301, 2, 1, "CT", pick, PatientID="STRANGER", PatientName="Strange^R", StudyDate="20260101")
    fine = image(320, 1, 1, "CT", pick, PatientID="N0", PatientName="Mixed^M", StudyDate="20260101")
    made += [stow([other.data]), stow([stranger.data]), stow([fine.data, b"x" * 300, other.data]), stow([fine.data[:400]]), stow([]), stow([fine.data], ROOT), stow([fine.data], "", "hospital-a administrator"), stow([fine.data], "", "nobody"), stow([fine.data], "", R),
             stow([fine.data], "", A, "application/xml"), stow([fine.data], "", A, DICOM_JSON, "application/json"), Request(A, "GET", "/api/conflicts", (("Accept", JSON),))]
    for number, length in enumerate((64, 500, 3000, 9000)):
        long = image(330 + number, 1, 1, "CT", pick, PatientID=noise(pick, min(length, 3000)), PatientName=noise(pick, length, "äbcé") + "^X", StudyDate="20260102", AccessionNumber=noise(pick, length), StudyDescription=noise(pick, length))
        made += [stow([long.data]), get(A, f"/dicom-web/studies?StudyInstanceUID={long.study}&includefield=all", DICOM_JSON), fhir(A, "GET", f"ImagingStudy?identifier=urn:oid:{long.study}&_include=ImagingStudy:patient")]
    for number, more in enumerate(({"StudyDate": "20269999"}, {"StudyTime": "250000"}, {"PatientBirthDate": ""}, {"StudyDate": "", "StudyTime": ""}, {"PatientName": "A^B=山田^太郎=やまだ^たろう"}, {"PatientID": ""}, {"PatientID": " padded "}, {"StudyDescription": "nul\0inside"}, {"PatientID": "nul\0inside"})):
        odd = image(340 + number, 1, 1, "CT", pick, **{"PatientID": f"ODD{number}", "PatientName": "Odd^O", "StudyDate": "20260103", **more})
        made += [stow([odd.data]), get(A, f"/dicom-web/studies?StudyInstanceUID={odd.study}&includefield=all", DICOM_JSON), get(A, f"{odd.url}/metadata", DICOM_JSON), fhir(A, "GET", f"ImagingStudy?identifier=urn:oid:{odd.study}&_include=ImagingStudy:subject")]
    return made


def app() -> list[Request]:
    made = []

    def say(method: str, path: str, body=None, who: str = A, keep: str = ""):
        headers = (("Accept", JSON), *((("Content-Type", JSON),) if body is not None else ()))
        made.append(Request(who, method, path, headers, json.dumps(body).encode() if body is not None else None, 0, keep))

    for share in ({"study": "1.2.3.4.5", "to": "hospital-b"}, {"patient": "nobody", "to": "hospital-b"}, {"to": "hospital-b"}, {"study": f"{ROOT}.100", "to": "nowhere"}, {"study": f"{ROOT}.100", "to": "hospital-b", "expires": "yesterday"},
                  {"study": f"{ROOT}.100", "to": "hospital-b", "expires": "2001-01-01T00:00:00Z"}, {"study": f"{ROOT}.100", "patient": "p1", "to": "hospital-b"}, {"study": f"{ROOT}.200", "to": "hospital-b"}, {"nonsense": 1}):
        say("POST", "/api/shares", share)
        say("POST", "/api/shares", share, ADMIN)
    for login in ("new.one", "new.two", "anna.a", "Not A Login", ""):
        say("POST", "/api/users", {"login": login, "name": "New Ñ", "role": "clinician", "password": "long enough and secret"}, ADMIN)
        say("POST", "/api/users", {"login": login, "name": "New Ñ", "role": "emperor", "password": "long enough and secret"}, ADMIN)
        say("GET", "/api/users", None, ADMIN)
    say("PATCH", "/api/users/new.one", {"name": "Renamed", "role": "radiologist"}, ADMIN)
    say("PATCH", "/api/users/new.two", {"disabled": True}, ADMIN)
    say("PATCH", "/api/users/none", {"disabled": True}, ADMIN)
    say("DELETE", "/api/users/new.two", None, ADMIN)
    say("DELETE", "/api/users/none", None, ADMIN)
    say("GET", "/api/users", None, ADMIN)
    for device in ({"ae": "NEWONE"}, {"ae": "NEWTWO", "host": "192.0.2.1", "port": 104, "called": "THERE"}, {"ae": "SCANNER1"}, {"ae": "SCANNER2"}, {"ae": "far too long a title"}, {"ae": ""}, {"ae": "NEWTHREE", "peer": "not an address"}, {"ae": "NEWFOUR", "port": 99999}):
        say("POST", "/api/devices", device, ADMIN)
        say("GET", "/api/devices", None, ADMIN)
    for title in ("NEWONE", "NEWTWO", "NONE", "SCANNER2"):
        say("DELETE", f"/api/devices/{title}", None, ADMIN)
    say("GET", "/api/devices", None, ADMIN)
    say("PATCH", "/api/members/hospital-a", {"name": "Hospital Ä", "locale": "de", "timezone": "Europe/Berlin"}, ADMIN)
    say("PATCH", "/api/members/hospital-a", {"timezone": "Nowhere/None"}, ADMIN)
    say("PATCH", "/api/members/hospital-b", {"name": "Mine"}, ADMIN)
    say("GET", "/api/members")
    notes = {"measurements": [{"id": "m1", "length": 12.5}], "key_images": [ALL_IMAGES[0].sop]}
    for study in (f"{ROOT}.100", f"{ROOT}.103", "1.2.3"):
        for who in (A, B, R, "hospital-a patient"):
            say("PUT", f"/api/annotations/{study}", notes, who)
            say("GET", f"/api/annotations/{study}", None, who)
    say("PUT", "/api/annotations/x", {"nonsense": 1})
    say("PUT", "/api/preferences", {"theme": "dark"}, "hospital-a patient")
    say("PUT", "/api/preferences", {"theme": "dark"})
    say("GET", "/api/session", None, "hospital-a patient")
    say("POST", "/api/tokens", {"name": "script", "role": "clinician", "days": 5}, ADMIN)
    say("POST", "/api/tokens", {"name": "script", "role": "emperor", "days": 5}, ADMIN)
    say("POST", "/api/tokens", {"name": "script", "role": "clinician", "days": 5000}, ADMIN)
    say("DELETE", "/api/tokens/none", None, ADMIN)
    say("POST", "/api/conflicts/none", {"decision": "keep"})
    say("POST", "/api/demo/reset", {}, ADMIN)
    return made


def looks() -> list[Request]:
    """What all of that left behind."""
    made = [fhir(who, "GET", path, pages=3) for who in (A, B, R, ADMIN, "hospital-a registrar") for path in ("Patient?_count=50", "Patient?_sort=family&_count=60", "Observation?_sort=-date&_count=50", "Condition?_total=accurate", "ImagingStudy?_count=20", "_history?_count=100", "Basic?_count=100", "Encounter/_history?_count=50")]
    made += [get(who, path, DICOM_JSON) for who in (A, B, R) for path in ("/dicom-web/studies", "/dicom-web/studies?includefield=all", "/dicom-web/series", "/dicom-web/instances", "/dicom-web/studies?PatientName=*%C3%A9*", "/dicom-web/studies?StudyDate=20260101-")]
    made += [get(who, path, JSON) for who in (A, B, ADMIN) for path in ("/api/shares", "/api/conflicts", "/api/devices", "/api/users", "/api/members", "/api/tokens")]
    return made
