"""The invented network that both engines hold: three members, people with records, images, shares and conflicts. The same each time."""

import random
from dataclasses import dataclass, field
from io import BytesIO

import numpy
from lenticular.dicom import stow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

SEED = 20261123
MEMBERS = {"hospital-a": "Hospital A", "hospital-b": "Hospital B", "reading-centre": "Reading Centre"}
DEVICES = {"hospital-a": "SCANNER1", "hospital-b": "SCANNER2", "reading-centre": "READER"}
FAMILIES = ["Ångström", "Angstroem", "van der Berg", "Berg", "Müller", "MUELLER", "O'Neil", "D’Arcy", "山田", "Χριστός", "Łukasz", "de la Cruz", "Smith", "smith", "Smithson",
            "Ng", "Öztürk", "Æsir", "Straße", "STRASSE", "💧Drop", "Zoë", "100%", "under_score", "back\\slash"]
GIVENS = ["Anna", "Bo", "Çelik", "Dora", "Émile", "Fritz", "Gül", "Hugo", "Ida", "Jürgen", "太郎", "Liv"]
CITIES = ["Uppsala", "Berlin", "København", "Zürich", "New York", "東京"]
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
# code, unit, low, high, digits
LABS = [("718-7", "g/dL", 7, 19, 1), ("2345-7", "mg/dL", 50, 300, 0), ("8867-4", "/min", 40, 160, 0), ("2160-0", "mg/dL", 0.4, 5, 2), ("8310-5", "Cel", 35, 41, 2)]
DISEASES = [("38341003", "Hypertension"), ("44054006", "Diabetes mellitus type 2"), ("195967001", "Asthma"), ("90560007", "Gout")]
ROOT = "1.2.826.0.1.3680043.10.1338"


def identifier(system: str, value: str) -> dict:
    return {"system": system, "value": value}


def record_number(value: str) -> dict:
    return {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}, "value": value}


def coding(system: str, code: str, text: str) -> dict:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def day(pick: random.Random, first: int = 2015, last: int = 2026) -> str:
    return f"{pick.randint(first, last)}-{pick.randint(1, 12):02}-{pick.randint(1, 28):02}"


def moment(pick: random.Random) -> str:
    zone = pick.choice(["Z", "+02:00", "-05:00", "+05:45"])
    part = pick.choice(["", ".1", ".125", ".999999"])
    return f"{day(pick)}T{pick.randint(0, 23):02}:{pick.randint(0, 59):02}:{pick.randint(0, 59):02}{part}{zone}"


def people(member: str, count: int) -> list[dict]:
    """Everything of one member's records, in the order in which it is written."""
    pick = random.Random(f"{SEED} {member}")
    made = [{"resourceType": "Organization", "id": f"o{n}", "name": f"House {n}", "active": n % 2 == 0, "identifier": [identifier("urn:org", f"{member}-{n}")],
             **({"partOf": {"reference": f"Organization/o{n - 1}"}} if n else {})} for n in range(4)]
    made += [{"resourceType": "Practitioner", "id": f"d{n}", "name": [{"family": pick.choice(FAMILIES), "given": [pick.choice(GIVENS)]}],
              "identifier": [identifier("urn:doctor", str(1000 + n))], "gender": pick.choice(["male", "female", "other"])} for n in range(6)]
    made += [{"resourceType": "Location", "id": f"l{n}", "name": f"Ward {n}", "status": "active", "address": {"city": CITIES[n]}, "managingOrganization": {"reference": "Organization/o1"}} for n in range(3)]
    made += [{"resourceType": "ValueSet", "id": f"v{n}", "url": f"http://example.org/vs/{'one' if n else 'one/more'}", "version": str(n), "status": ["draft", "active"][n], "date": day(pick)} for n in range(2)]
    for number in range(count):
        made += record(pick, number)
    return made


def record(pick: random.Random, number: int) -> list[dict]:
    who = f"p{number}"
    subject = {"reference": f"Patient/{who}"}
    patient = {"resourceType": "Patient", "id": who, "identifier": [identifier("urn:mrn", f"M{number:04}"), record_number(f"M{number:04}")],
               "name": [{"use": "official", "family": pick.choice(FAMILIES), "given": pick.sample(GIVENS, pick.randint(1, 3))}],
               "address": [{"city": pick.choice(CITIES), "country": pick.choice(["SE", "DE", "US", "JP"]), "postalCode": str(pick.randint(10000, 99999))}],
               "generalPractitioner": [{"reference": f"Practitioner/d{number % 6}"}], "managingOrganization": {"reference": f"Organization/o{number % 4}"}}
    if number % 7:
        patient["gender"] = pick.choice(["male", "female", "other", "unknown"])
    if number % 5:
        born = day(pick, 1931, 2020)
        patient["birthDate"] = born[: pick.choice([4, 7, 10, 10])]
    if number % 3 == 0:
        patient["active"] = number % 2 == 0
    if number % 11 == 0:
        patient["deceasedDateTime"] = moment(pick)
    if number % 4 == 0:
        patient["telecom"] = [{"system": "email", "value": f"p{number}@example.org"}, {"system": "phone", "value": f"+46 {pick.randint(1000, 9999)}"}]
    if number % 6 == 0:
        patient["meta"] = {"tag": [{"system": "urn:tag", "code": f"t{number % 4}"}], "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
                           "profile": ["http://example.org/fhir/StructureDefinition/p"]}
    made = [patient]
    for n in range(2):
        start = moment(pick)
        made.append({"resourceType": "Encounter", "id": f"e{number}-{n}", "status": pick.choice(["finished", "planned", "in-progress"]), "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": pick.choice(["AMB", "IMP"])},
                     "subject": subject, "period": {"start": start}, "participant": [{"individual": {"reference": f"Practitioner/d{pick.randint(0, 5)}"}}],
                     "location": [{"location": {"reference": f"Location/l{n}"}}], "serviceProvider": {"reference": "Organization/o0"}})
    for n in range(5):
        code, unit, low, high, digits = pick.choice(LABS)
        value = f"{pick.uniform(low, high):.{digits}f}"
        made.append({"resourceType": "Observation", "id": f"b{number}-{n}", "status": pick.choice(["final", "preliminary", "amended"]), "code": coding(LOINC, code, f"Lab {code}"), "subject": subject,
                     "encounter": {"reference": f"Encounter/e{number}-{n % 2}"}, "effectiveDateTime": pick.choice([moment(pick), day(pick), day(pick)[:7]]),
                     "valueQuantity": {"value": Raw(value), "unit": unit, **({"system": UCUM, "code": unit} if n % 4 else {})}, "performer": [{"reference": f"Practitioner/d{n}"}]})
    disease, words = pick.choice(DISEASES)
    made.append({"resourceType": "Condition", "id": f"c{number}", "subject": subject, "code": coding(SNOMED, disease, words), "recordedDate": moment(pick),
                 "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": pick.choice(["active", "resolved"])}]},
                 **({"onsetDateTime": day(pick)} if number % 2 else {"onsetAge": {"value": Raw(str(pick.randint(1, 90))), "unit": "a", "system": UCUM, "code": "a"}})})
    made.append({"resourceType": "AllergyIntolerance", "id": f"a{number}", "patient": subject, "code": coding(SNOMED, "300916003", "Latex"), "criticality": pick.choice(["low", "high"]), "recordedDate": day(pick)})
    made.append({"resourceType": "MedicationRequest", "id": f"m{number}", "status": "active", "intent": "order", "subject": subject, "authoredOn": moment(pick),
                 "medicationCodeableConcept": {"text": pick.choice(["Aspirin", "Metformin"])}, "requester": {"reference": f"Practitioner/d{number % 6}"}})
    made.append({"resourceType": "RiskAssessment", "id": f"r{number}", "status": "final", "subject": subject, "prediction": [{"probabilityDecimal": Raw(f"{pick.random():.{pick.randint(1, 6)}f}")}]})
    made.append({"resourceType": "DiagnosticReport", "id": f"g{number}", "status": "final", "code": {"text": "Panel"}, "subject": subject, "issued": moment(pick).replace("T24", "T23"),
                 "result": [{"reference": f"Observation/b{number}-{n}"} for n in range(3)]})
    return made


class Raw(str):
    """A JSON number, digit for digit."""


def written(value) -> str:
    """JSON with the digits of [`Raw`] as they are."""
    import json

    if isinstance(value, Raw):
        return str.__str__(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Image:
    """One instance and its names."""

    study: str
    series: str
    sop: str
    sop_class: str
    patient: str
    frames: int
    data: bytes = field(repr=False)

    @property
    def url(self) -> str:
        return f"/dicom-web/studies/{self.study}/series/{self.series}/instances/{self.sop}"


CT, MR, US, SC = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.7"
CLASSES = {"CT": CT, "MR": MR, "US": US, "OT": SC}
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless]


def image(study: int, series: int, number: int, modality: str, pick: random.Random, syntax=ExplicitVRLittleEndian, frames: int = 1, **more) -> Image:
    """One small image with names made of its numbers."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CLASSES[modality]
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.{study}.{series}.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.{series}"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    dataset.file_meta.ImplementationClassUID = f"{ROOT}.1"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, series, number
    dataset.SeriesDescription, dataset.BodyPartExamined = f"{modality} {series}", pick.choice(["CHEST", "HEAD"])
    for name, value in more.items():
        setattr(dataset, name, value)
    side, depth = 16, numpy.random.default_rng(study * 10_000 + series * 100 + number)
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.WindowCenter, dataset.WindowWidth = "512", "1024"
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.PixelData = depth.integers(0, 1024, size=(frames, side, side), dtype="uint16").tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return Image(dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID, dataset.SOPClassUID, str(dataset.PatientID), frames, out.getvalue())


def images(member: str, first: int, count: int) -> list[Image]:
    """The studies of one member: of people with a record, and of some without."""
    pick = random.Random(f"{SEED} images {member}")
    made = []
    for number in range(first, first + count):
        who = number - first
        patient = f"M{who:04}" if who % 3 else f"X{who}"
        date = day(pick).replace("-", "")
        common = {
            "PatientID": patient, "PatientName": f"{pick.choice(FAMILIES)}^{pick.choice(GIVENS)}".replace("\\", " "), "PatientBirthDate": day(pick, 1931, 2020).replace("-", ""),
            "PatientSex": pick.choice(["M", "F", "O", ""]), "StudyDate": date, "StudyTime": f"{pick.randint(0, 23):02}{pick.randint(0, 59):02}00", "AccessionNumber": f"ACC{number:03}",
            "StudyDescription": pick.choice(["CT Thorax", "MR Head", "50% contrast_a", "Übersicht"]), "ReferringPhysicianName": "Doe^Jane", "StudyID": str(number),
        }
        for series in range(1, pick.randint(2, 3) + 1):
            modality = pick.choice(list(CLASSES))
            frames = 5 if modality == "US" else 1
            syntax = pick.choice(SYNTAXES)
            made += [image(number, series, n, modality, pick, syntax, frames, **common) for n in range(1, pick.randint(1, 3) + 1)]
    return made


PEOPLE = {"hospital-a": 60, "hospital-b": 15, "reading-centre": 2}
IMAGES = {"hospital-a": images("hospital-a", 100, 12), "hospital-b": images("hospital-b", 200, 4)}
ALL_IMAGES = [one for some in IMAGES.values() for one in some]
# hospital-a gives, to whom
SHARES = [{"study": f"{ROOT}.101", "to": "hospital-b"}, {"study": f"{ROOT}.103", "to": "reading-centre"}, {"patient": "p2", "to": "reading-centre"}, {"patient": "p7", "to": "hospital-b"},
          {"study": f"{ROOT}.104", "to": "hospital-b", "expires": "2999-01-01T00:00:00Z"}]


def conflicting() -> list[bytes]:
    """The same instance with other pixels, and an instance of a study that is another patient's."""
    pick = random.Random(SEED)
    same = image(100, 1, 1, "CT", pick, PatientID="X0", PatientName="Other^Pixels", StudyDate="20200101")
    other = image(101, 9, 1, "CT", pick, PatientID="SOMEBODY-ELSE", PatientName="Else^Somebody", StudyDate="20200101")
    return [same.data, other.data]


def load(server) -> None:
    """Fills an empty server through its doors; every name is the client's own."""
    for member, name in MEMBERS.items():
        server.org(member, name)
        server.device(member, DEVICES[member])
        client = server.client(member)
        made = people(member, PEOPLE[member])
        for at in range(0, len(made), 150):
            entries = [{"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in made[at : at + 150]]
            client.fhir("POST", "", written({"resourceType": "Bundle", "type": "transaction", "entry": entries})).expect(200)
        versions(client)
        for one in IMAGES.get(member, []):
            stow(client, [one.data]).expect(200)
    a = server.client("hospital-a")
    for data in conflicting():
        stow(a, [data]).expect(202)
    for share in SHARES:
        a.request("POST", "/api/shares", share, {"Content-Type": "application/json"}).expect(201)
    server.must("user add", "--org", "hospital-a", "--login", "anna.a", "--name", "Anna Adams", "--role", "radiologist")
    server.must("user add", "--org", "hospital-b", "--login", "bert.b", "--name", "Bert Brown", "--role", "clinician")


def versions(client) -> None:
    """Some resources changed, some deleted, some deleted and made again."""
    for number in (0, 1):
        for turn in range(3):
            patient = {"resourceType": "Patient", "id": f"p{number}", "identifier": [identifier("urn:mrn", f"M{number:04}"), record_number(f"M{number:04}")], "name": [{"family": f"Turn{turn}"}]}
            client.fhir("PUT", f"Patient/p{number}", patient).expect(200)
        client.fhir("DELETE", f"RiskAssessment/r{number}").expect(204)
        client.fhir("DELETE", f"Condition/c{number}").expect(204)
        client.fhir("PUT", f"Condition/c{number}", {"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": f"Patient/p{number}"}, "code": {"text": "again"}}).expect(201, 200)
