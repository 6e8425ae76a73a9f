"""DICOMweb as it is read: QIDO-RS at every level, WADO-RS in every form, errors."""

import random
from urllib.parse import quote

from lenticular.dicom import DICOM_JSON, DICOM_PART, EXPLICIT_LE, FRAME_PART

from .fhir_reads import A, B, R
from .network import ALL_IMAGES, FAMILIES, IMAGES, ROOT, SEED, Image
from .requests import Request, get

EVERYBODY = [A, B, R, "hospital-a registrar", "hospital-a administrator", "nobody"]


def reads() -> list[Request]:
    pick = random.Random(f"{SEED} dicom")
    return [*queries(pick), *retrievals(pick), *wrong()]


def queries(pick) -> list[Request]:
    made = []

    def ask(level: str, query: str = "", who: str = A):
        made.append(get(who, f"/dicom-web/{level}{'?' if query else ''}{query}", DICOM_JSON))

    one = pick.choice(IMAGES["hospital-a"])
    studies = sorted({image.study for image in ALL_IMAGES})
    for who in EVERYBODY:
        for level in ("studies", "series", "instances", f"studies/{ROOT}.101/series", f"studies/{ROOT}.103/instances", f"studies/{ROOT}.101/series/{ROOT}.101.1/instances", f"studies/{ROOT}.102/series"):
            ask(level, "", who)
            ask(level, "limit=2&offset=1", who)
            ask(level, "includefield=all&limit=3", who)
    for study in studies:
        ask("studies", f"StudyInstanceUID={study}")
        ask(f"studies/{study}/series", "includefield=00080021&includefield=SeriesDescription")
        ask(f"studies/{study}/instances", "includefield=Rows,Columns,BitsAllocated")
        ask("series", f"StudyInstanceUID={study}&Modality=CT", B)
    for family in FAMILIES:
        for form in (f"PatientName={quote(family)}*", f"PatientName=*{quote(family[1:4])}*", f"PatientName={quote(family[:3])}&fuzzymatching=true", f"PatientName={quote(family.upper())}?*"):
            ask("studies", form)
    for key in ("PatientID=M0001", "PatientID=M*", "PatientID=?0", "PatientID=x3", "00100020=X3", "PatientID=", "AccessionNumber=ACC1*", "AccessionNumber=ACC10?", "AccessionNumber=ACC103,ACC104", "StudyDescription=*Thorax", "StudyDescription=50%25%20contrast_a",
                "StudyDescription=50_%20contrast_a", "StudyDescription=%C3%BCBER*", "StudyDate=20200101-", "StudyDate=-20200101", "StudyDate=20180101-20221231", "StudyDate=20180101-20221231&StudyTime=080000-170000", "StudyTime=-1200", "PatientBirthDate=1950-",
                "PatientBirthDate=19500101-19991231", "ModalitiesInStudy=CT", "ModalitiesInStudy=CT,MR", "ModalitiesInStudy=ct", "PatientSex=F", "PatientSex=", "ReferringPhysicianName=doe*", "StudyID=101", "NumberOfStudyRelatedInstances=3",
                "Rows=16", "includefield=00081030,PatientAge", "includefield=all", "orderby=StudyDate", "limit=0", "limit=1", "offset=5", "offset=1000", "limit=1000000", "SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.2", "fuzzymatching=true", "InstanceAvailability=ONLINE",
                "NumberOfStudyRelatedSeries=2", "StudyDate=2020", "StudyTime=120000.5-", "StudyInstanceUID=1.2.3", f"StudyInstanceUID={studies[0]},{studies[1]}", f"StudyInstanceUID={studies[0]}%5C{studies[2]}", "PatientName=*", "PatientName=%3F", "PatientName=%25", "PatientName=_*"):
        for who in (A, B):
            ask("studies", key, who)
    for key in ("Modality=CT", "Modality=US,MR", "SeriesNumber=1", "SeriesNumber=01", "SeriesDescription=CT*", "BodyPartExamined=CHEST", f"SeriesInstanceUID={one.series}", "SeriesDate=20200101-", "PatientID=M0001", "limit=3&offset=2", "includefield=BodyPartExamined",
                "PerformedProcedureStepStartDate=20200101", "Manufacturer=x"):
        ask("series", key)
        ask("series", key, B)
        ask(f"studies/{one.study}/series", key)
    for key in (f"SOPInstanceUID={one.sop}", f"SOPClassUID={one.sop_class}", "InstanceNumber=1", "InstanceNumber=2&Modality=CT", "Rows=16", "Rows=17", "NumberOfFrames=5", "BitsAllocated=16&limit=4", "WindowCenter=512", "PhotometricInterpretation=MONOCHROME2&limit=2", "includefield=all&limit=2",
                "PatientName=*a*&limit=5", "SliceThickness=1"):
        ask("instances", key)
        ask(f"studies/{one.study}/instances", key)
        ask(f"studies/{one.study}/series/{one.series}/instances", key)
    for level in ("studies", "series", "instances"):
        for limit in (1, 2, 5):
            for offset in range(0, 10, 3):
                ask(level, f"limit={limit}&offset={offset}")
    return made


def retrievals(pick) -> list[Request]:
    made = []

    def ask(path: str, accept: str, who: str = A, **headers: str):
        made.append(get(who, path, accept, 0, **headers))

    frame, several = "multipart/related; type=\"application/octet-stream\"", "multipart/related; type=\"image/jpeg\""
    some = pick.sample(ALL_IMAGES, 24) + [image for image in ALL_IMAGES if image.frames > 1][:3] + [image for image in ALL_IMAGES if image.study.endswith((".101", ".103"))][:4]
    for image in dict.fromkeys(some):
        for who in (A, B, R):
            ask(image.url, DICOM_PART, who)
            ask(f"{image.url}/metadata", DICOM_JSON, who)
        for accept in ('multipart/related; type="application/dicom"', "application/dicom; transfer-syntax=*", f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT_LE}', 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50',
                       'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90', "*/*"):
            ask(image.url, accept)
        for accept in (FRAME_PART + "*", FRAME_PART + EXPLICIT_LE, frame, "application/octet-stream", "*/*", several, "image/jpeg"):
            ask(f"{image.url}/frames/1", accept)
        for accept in ("image/jpeg", "image/png", "*/*", several):
            ask(f"{image.url}/rendered", accept)
        ask(f"{image.url}/frames/1/rendered?window=400,800,linear", "image/png")
        ask(f"{image.url}/rendered?viewport=8,8&quality=50", "image/jpeg")
        ask(f"{image.url}/thumbnail", "image/jpeg")
        ask(f"{image.url}/bulkdata/7FE00010", "application/octet-stream")
        ask(f"{image.url}/metadata", DICOM_JSON, A, Accept_Encoding="gzip")
        if image.frames > 1:
            ask(f"{image.url}/frames/3,1,5", FRAME_PART + EXPLICIT_LE)
            ask(f"{image.url}/frames/1,2,6", FRAME_PART + "*")
            ask(f"{image.url}/frames/5/rendered", "image/png")
    for study in sorted({image.study for image in ALL_IMAGES}):
        for who in (A, B, R):
            ask(f"/dicom-web/studies/{study}", DICOM_PART, who)
            ask(f"/dicom-web/studies/{study}/metadata", DICOM_JSON, who)
        ask(f"/dicom-web/studies/{study}/rendered", "image/jpeg")
        ask(f"/dicom-web/studies/{study}/thumbnail", "image/png")
        ask(f"/dicom-web/studies/{study}/series/{study}.1", DICOM_PART)
        ask(f"/dicom-web/studies/{study}/series/{study}.1/metadata", DICOM_JSON)
        ask(f"/dicom-web/studies/{study}/series/{study}.1/rendered", several)
        ask(f"/dicom-web/studies/{study}/series/{study}.1/thumbnail", "image/jpeg")
    return made


def wrong() -> list[Request]:
    one: Image = ALL_IMAGES[0]
    paths = [f"{one.url}/frames/0", f"{one.url}/frames/2", f"{one.url}/frames/x", f"{one.url}/frames/1,,2", f"{one.url}/frames/2147483648", f"{one.url}/bulkdata/00100010", f"{one.url}/bulkdata/x", f"{one.url}/rendered?annotation=patient",
             f"{one.url}/rendered?window=1", f"{one.url}/rendered?viewport=0,0", f"{one.url}/rendered?quality=101", "/dicom-web/studies/1.2.3", "/dicom-web/studies/1.2.3/metadata", "/dicom-web/studies/x", "/dicom-web/studies/..%2f..%2fetc", f"/dicom-web/studies/{one.study}/series/1.2/instances/1.3",
             f"/dicom-web/studies/1.2.3/series/{one.series}/instances/{one.sop}", "/dicom-web/studies?Nonsense=1", "/dicom-web/studies?StudyDate=yesterday", "/dicom-web/studies?StudyDate=20209999", "/dicom-web/studies?limit=x", "/dicom-web/studies?limit=-1", "/dicom-web/studies?offset=-1",
             "/dicom-web/studies?includefield=Nonsense", "/dicom-web/studies?limit=99999999999999999999", "/dicom-web/studies?PatientName=%00", "/dicom-web/studies?PatientName=%ff", "/dicom-web/studies?PatientID=a%00b", "/dicom-web/studies?PatientName=" + "*" * 500, "/dicom-web/studies?AccessionNumber=" + "é" * 3000,
             "/dicom-web/studies?PatientName=" + "%25" * 200, "/dicom-web/studies?PatientID='%20OR%201=1--", "/dicom-web/nonsense", "/dicom-web/studies?Modality=CT", "/dicom-web/series?Rows=16", "/dicom-web/studies?fuzzymatching=maybe"]
    made = [get(A, path, "*/*") for path in paths]
    made += [get(A, "/dicom-web/studies", accept) for accept in ("application/xml", "application/json", "text/html", 'multipart/related; type="application/dicom+xml"', "image/png")]
    made += [Request(A, method, one.url) for method in ("PUT", "DELETE", "PATCH")]
    return made
