"""FHIR as it is read: every interaction, each parameter of each type that there is, modifiers, prefixes, pages, errors."""

import random
from urllib.parse import quote

from .network import CITIES, DISEASES, FAMILIES, LABS, LOINC, PEOPLE, SEED, SNOMED, UCUM
from .requests import Request, fhir

A, B, R = "hospital-a clinician", "hospital-b clinician", "reading-centre radiologist"
EVERYBODY = [A, B, R, "hospital-a registrar", "hospital-a administrator", "hospital-b radiologist", "nobody"]
TYPES = ["Patient", "Observation", "Condition", "Encounter", "Practitioner", "Organization", "Location", "ValueSet", "AllergyIntolerance", "MedicationRequest", "RiskAssessment",
         "DiagnosticReport", "ImagingStudy"]
DATES = ["2020", "2020-05", "2020-05-17", "2020-05-17T10:00:00Z", "2020-05-17T10:00:00.125+02:00"]
PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]


def reads(params: dict[str, dict[str, str]]) -> list[Request]:
    """All of it; `params` has the search parameters of each type with their kinds, as the capability statement names them."""
    pick = random.Random(f"{SEED} reads")
    return [*instances(pick), *searches(pick), *systematic(params), *results(pick), *walls(), *wrong()]


def instances(pick) -> list[Request]:
    made = [fhir("nobody", "GET", "metadata"), fhir(A, "GET", "metadata?_format=json")]
    names = [("Patient", f"p{pick.randrange(PEOPLE['hospital-a'])}") for _ in range(12)] + [("Patient", "p0"), ("Patient", "p1"), ("Patient", "p2"), ("Patient", "p7")]
    names += [("Observation", f"b{pick.randrange(60)}-{pick.randrange(5)}") for _ in range(12)] + [("Condition", "c0"), ("Condition", "c3"), ("RiskAssessment", "r0"), ("RiskAssessment", "r9")]
    names += [("Encounter", "e4-1"), ("Practitioner", "d2"), ("Organization", "o3"), ("Location", "l1"), ("ValueSet", "v1"), ("DiagnosticReport", "g8"), ("AllergyIntolerance", "a5"), ("Patient", "nobody")]
    for kind, ident in names:
        path = f"{kind}/{ident}"
        made += [fhir(A, "GET", path), fhir(A, "HEAD", path), fhir(A, "GET", f"{path}/_history"), fhir(A, "GET", f"{path}/_history/1"), fhir(B, "GET", path)]
    for path in ("Patient/p0", "Condition/c0", "RiskAssessment/r0"):
        made += [fhir(A, "GET", f"{path}/_history/{n}") for n in (2, 3, 4, 5, 99)]
        made += [fhir(A, "GET", f"{path}/_history?_count=2", pages=2), fhir(A, "GET", f"{path}/_history?_since=2999-01-01T00:00:00Z")]
        made += [fhir(A, "GET", path, If_None_Match=f'W/"{n}"') for n in (1, 4)]
        made += [fhir(A, "GET", path, If_Modified_Since=when) for when in ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2999 00:00:00 GMT", "yesterday")]
        made += [fhir(A, "GET", f"{path}?{how}") for how in ("_summary=true", "_summary=text", "_summary=data", "_summary=count", "_elements=id", "_elements=name,code", "_pretty=true")]
    made += [fhir(who, "GET", f"{path}?_count={count}", pages=3) for who in (A, B) for path in ("_history", "Patient/_history", "Condition/_history") for count in (1, 7, 50)]
    return made


def searches(pick) -> list[Request]:
    """Values that exist, values that nearly do, and those that have a meaning to a database."""
    made = []

    def ask(path: str, who: str = A, pages: int = 0):
        made.append(fhir(who, "GET", path, pages=pages))

    for family in FAMILIES:
        for modifier in ("", ":exact", ":contains"):
            ask(f"Patient?family{modifier}={quote(escaped(family))}")
        ask(f"Patient?name={quote(escaped(family[:2]))}")
        ask(f"Patient?family={quote(escaped(family.upper()))}", B)
    for text in ("a", "z", "ß", "ss", "æ", "%", "_", "'", '"', "\\\\", "\u0301", "山", "💧", "\U0010ffff", "ﬀ", "İ", "i", "ı"):
        ask(f"Patient?family={quote(text)}")
        ask(f"Patient?name:contains={quote(text)}")
    for city in CITIES:
        ask(f"Patient?address-city={quote(city)}")
        ask(f"Patient?address={quote(city[:3].lower())}")
        ask(f"Location?address-city:exact={quote(city)}")
    for number in pick.sample(range(60), 12):
        ask(f"Patient?identifier=urn:mrn|M{number:04}")
        ask(f"Patient?identifier=M{number:04}")
        ask(f"Observation?patient=p{number}")
        ask(f"Observation?subject=Patient/p{number}&code={LOINC}|{LABS[number % 5][0]}")
        ask(f"Condition?subject:Patient=p{number}")
        ask(f"Encounter?patient=Patient/p{number}&_sort=-date")
        ask(f"Patient?general-practitioner=Practitioner/d{number % 6}&active=true")
        ask(f"DiagnosticReport?result=Observation/b{number}-1")
        ask(f"ImagingStudy?patient=p{number}")
    for value in ("urn:mrn|", "|M0001", "M0001,M0002,M0003", "urn:mrn|M0001,urn:other|M0002", "urn:mrn|m0001", "|", "urn:mrn|M0001\\,x"):
        ask(f"Patient?identifier={quote(value)}")
        ask(f"Patient?identifier:not={quote(value)}&_count=5")
    for value in ("male", "female,other", "unknown", "MALE", "http://hl7.org/fhir/administrative-gender|male", "|male"):
        for modifier in ("", ":not"):
            ask(f"Patient?gender{modifier}={quote(value)}&_count=10", pages=1)
    for prefix in PREFIXES:
        for date in DATES:
            ask(f"Observation?date={prefix}{quote(date)}&_count=20")
            ask(f"Patient?birthdate={prefix}{quote(date)}&_count=20")
        for date in ("2016", "2024-11", "1931", "0001", "9999-12-31", "1980-02-29"):
            ask(f"Patient?birthdate={prefix}{date}&_count=10", B)
        for number in ("0.5", "0.50", "1", "0", "0.123456", "1e-1", "5e-1", "-1", "100"):
            ask(f"RiskAssessment?probability={prefix}{number}")
        for code, unit, low, high, _ in LABS:
            ask(f"Observation?value-quantity={prefix}{(low + high) / 2:.0f}")
            ask(f"Observation?value-quantity={prefix}{low + 1:.1f}|{UCUM}|{quote(unit)}&_sort=date")
            ask(f"Observation?value-quantity={prefix}{high - 1:.2f}||{quote(unit)}&code={code}")
    for disease, words in DISEASES:
        ask(f"Condition?code={SNOMED}|{disease}")
        ask(f"Condition?code={disease}&clinical-status=active")
        ask(f"Condition?code:not={disease}&_count=10")
        ask(f"Condition?code:text={quote(words[:5])}")
    for url in ("http://example.org/vs/one", "http://example.org/vs/one/more", "http://example.org/vs/", "http://example.org/vs/one,http://example.org/vs/one/more"):
        for modifier in ("", ":below", ":above"):
            ask(f"ValueSet?url{modifier}={quote(url)}")
    for path in ("Patient?_id=p1,p3,nobody", "Patient?_id=p1&_id=p3", "Patient?_lastUpdated=gt2020", "Patient?_lastUpdated=lt2020", "Patient?_tag=urn:tag|t0", "Patient?_tag=t0", "Patient?_security=R",
                 "Patient?_profile=http://example.org/fhir/StructureDefinition/p", "Patient?_tag:not=t0&_count=3", "Patient?given=Ida&given=Bo", "Patient?given=Ida,Bo&gender=female",
                 "Patient?name=anna&address-country=SE,DE", "Observation?status=final&status=preliminary", "Observation?combo-code=718-7", "Patient?organization.name=House", "Observation?patient.name=berg",
                 "Patient?_has:Observation:patient:code=718-7", "Patient?family=", "Patient?phonetic=berg", "Patient?deceased=true", "Patient?death-date=gt2016", "Encounter?location=Location/l0&status=finished"):
        for who in (A, B):
            ask(path, who)
    return made


def escaped(value: str) -> str:
    """A value as a parameter writes it (FHIR R4 §3.1.1.5)."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("|", "\\|").replace("$", "\\$")


def systematic(params) -> list[Request]:
    """Each parameter of each type: missing or not, sorted by, and with a value that may be of another kind."""
    made = []
    for kind in TYPES:
        for name, sort in sorted(params[kind].items()):
            if name.startswith("_"):
                continue
            made.append(fhir(A, "GET", f"{kind}?{name}:missing=true&_count=5"))
            made.append(fhir(A, "GET", f"{kind}?_sort={name}&_count=6", pages=2))
            made.append(fhir(A, "GET", f"{kind}?_sort=-{name},_id&_count=6", pages=1))
            value = {"string": "a", "token": "final", "date": "ge2019", "reference": "Patient/p3", "quantity": "gt10", "number": "lt0.7", "uri": "http://example.org"}.get(sort, "x")
            made.append(fhir(A, "GET", f"{kind}?{name}={value}&_count=5"))
    return made


def results(pick) -> list[Request]:
    """What the answer holds: totals, summaries, elements, included resources, pages."""
    made = []
    for kind in TYPES:
        for how in ("_summary=true", "_summary=text", "_summary=data", "_summary=count", "_summary=false", "_elements=id", "_elements=name,code,status", "_total=accurate", "_total=none", "_total=estimate", "_count=0",
                    "_sort=_lastUpdated", "_sort=-_lastUpdated", "_sort=_id", "_sort=-_id"):
            made.append(fhir(A, "GET", f"{kind}?{how}{'' if '_count' in how else '&_count=4'}", pages=1))
        for count in (1, 3, 50, 1000):
            made.append(fhir(B, "GET", f"{kind}?_count={count}", pages=2))
        made.append(fhir(R, "GET", f"{kind}?_count=3", pages=3))
    includes = ["Observation?_include=Observation:subject", "Observation?_include=Observation:patient&_include:iterate=Patient:organization&_include:iterate=Organization:partof",
                "Patient?_revinclude=Observation:subject", "Patient?_revinclude=Condition:patient&_revinclude=Encounter:subject", "DiagnosticReport?_include=DiagnosticReport:result&_include=DiagnosticReport:*",
                "Encounter?_include=Encounter:*", "Patient?_include=Patient:general-practitioner:Practitioner", "ImagingStudy?_include=ImagingStudy:subject", "Organization?_revinclude:iterate=Organization:partof",
                "Patient?_revinclude=ImagingStudy:subject&_revinclude=RiskAssessment:subject&_sort=family"]
    for path in includes:
        for who in (A, B, R):
            made.append(fhir(who, "GET", f"{path}&_count={pick.randint(2, 9)}", pages=1))
    form = "application/x-www-form-urlencoded"
    for body in ("family=berg", "gender=male&_count=3", "identifier=urn:mrn|M0003", "nonsense=1", "_sort=birthdate&_count=2", ""):
        made.append(fhir(A, "POST", "Patient/_search", body, Content_Type=form))
        made.append(fhir(B, "POST", "Patient/_search?_count=1", body, Content_Type=form))
    for path in ("Patient?nonsense=1&gender=male", "Patient?_sort=nonsense", "Patient?gender:sideways=male"):
        made += [fhir(A, "GET", path, Prefer="handling=lenient"), fhir(A, "GET", path, Prefer="handling=strict")]
    return made


def walls() -> list[Request]:
    """The same questions by everybody: what each role and member sees."""
    paths = ["Patient", "Patient/p2", "Patient/p7", "Patient/p3", "Observation?patient=p7&_count=10", "Observation?_summary=count", "Condition?patient=p2", "Condition/c7", "ImagingStudy", "ImagingStudy?_total=accurate&_count=2",
             "Practitioner?_count=2", "Organization", "Encounter?_total=accurate&_count=1", "Patient?family=berg", "Patient/_history?_count=4", "Condition/c7/_history", "_history?_count=3", "Patient?_summary=count",
             "Observation?patient=p7&_include=Observation:subject&_count=2", "Patient?_id=p7&_revinclude=Condition:subject", "AuditEvent?date=lt2000", "Location?name=ward", "ValueSet?status=active", "metadata"]
    return [fhir(who, "GET", path) for who in EVERYBODY for path in paths]


def wrong() -> list[Request]:
    paths = ["Nonsense", "Patient?nonsense=1", "Patient?birthdate=yesterday", "Patient?birthdate=1980-13", "RiskAssessment?probability=much", "Patient?_sort=nonsense", "Patient?_include=Patient:nonsense", "Patient?_count=-1",
             "Patient?_count=x", "Patient?_count=99999999999999999999", "Patient?subject.name=x", "Observation?value-quantity=", "Patient?family:missing=maybe", "Patient?_elements:below=x", "Patient/x/y/z", "Patient?_page=1",
             "Patient?_page=5~4~1", "Patient?_page=x", "Patient?_page=9999999999~1~9999999999999", "Patient?_count=1&_page=-1~-1~9999999999999", "_history?_page=0", "_history?_page=-5", "_history?_page=x", "_history?_since=x",
             "Patient/" + "a" * 64, "Patient/" + "a" * 65, "Patient/%00", "Patient?name=%00", "Patient?name=a%00b", "Patient?identifier=%00|x", "Patient?name=%ff%fe", "Patient?_id=%00", "Patient/p1/_history/0", "Patient/p1/_history/-1",
             "Patient/p1/_history/99999999999999999999", "Patient/p1/_history/x", "Patient?name='%20OR%201=1--", "Patient?_id=" + "a" * 3000, "Patient?family=" + "é" * 3000, "Patient?family:contains=" + "x" * 3000,
             "Patient?identifier=" + "s" * 3000 + "|" + "v" * 3000, "ValueSet?url=http://" + "u" * 5000, "Patient?birthdate=gt99999", "Patient?birthdate=-0001", "RiskAssessment?probability=1e400", "RiskAssessment?probability=-1e400",
             "RiskAssessment?probability=1e-400", "RiskAssessment?probability=NaN", "RiskAssessment?probability=gt99999999999999999999999999999999", "Observation?value-quantity=1e308||g", "Observation?value-quantity=ne1e999", "AuditEvent?patient=x&patient=y",
             "Patient?" + "&".join(f"name=n{n}" for n in range(100)), "Patient?name=" + ",".join(f"n{n}" for n in range(300)), "Patient?" + "&".join(f"name=n{n}" for n in range(2000)), "Patient?name=" + ",".join("x" * 10 for _ in range(4000)), "$everything", "Patient/p1/$everything"]
    made = [fhir(A, "GET", path) for path in paths]
    made += [fhir(A, method, "Patient/p1", "{}") for method in ("PATCH", "OPTIONS")]
    made += [fhir(A, "GET", "Patient?_count=1", Accept=accept) for accept in ("image/png", "application/fhir+xml", "text/html;q=0.1, application/fhir+json;q=0.9", "*/*")]
    return made
