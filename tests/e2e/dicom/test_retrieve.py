"""WADO-RS: metadata, frames, transcoding, rendered pictures (PS3.18 §10.4), and dicomweb-client as a user would."""

import gzip
import io
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
from dicomweb_client.api import DICOMwebClient
from lenticular import multipart
from lenticular.dicom import DICOM_JSON, DICOM_PART, EXPLICIT_LE, FRAME_PART, dataset_bytes, first, instance, sha256, stow
from lenticular.inputs import ct, readable
from PIL import Image
from pydicom import dcmread


@pytest.fixture(scope="module")
def slices(a):
    instances = sorted((instance(file) for file in ct()), key=lambda one: one.sop)
    for at in range(0, len(instances), 20):
        stow(a, [one.bytes() for one in instances[at : at + 20]]).expect(200)
    return instances


@pytest.fixture(scope="module")
def compressed(a):
    """A JPEG 2000 image, by its file name among pydicom's."""
    one = instance(next(file for file in readable() if file.name == "MR_small_jp2klossless.dcm"))
    stow(a, [one.bytes()]).expect(200)
    return one


@pytest.fixture(scope="module")
def web(server, a):
    return DICOMwebClient(f"{server.url}/dicom-web", headers=a.headers())


def test_series_metadata_holds_every_instance_and_is_the_same_each_time(slices, a):
    path = f"/dicom-web/studies/{slices[0].study}/series/{slices[0].series}/metadata"
    one, two = a.get(path, DICOM_JSON).expect(200), a.get(path, DICOM_JSON).expect(200)
    assert {first(item, "00080018") for item in one.json()} == {slice_.sop for slice_ in slices}
    assert one.body == two.body
    packed = a.get(path, DICOM_JSON, Accept_Encoding="gzip").expect(200)
    assert packed.header("Content-Encoding") == "gzip", "series metadata is stored gzipped and should be served so"
    assert gzip.decompress(packed.body) == one.body
    study = a.get(f"/dicom-web/studies/{slices[0].study}/metadata", DICOM_JSON).expect(200).json()
    assert len(study) == 100


def test_pixels_stay_out_of_metadata(slices, a):
    item = a.get(slices[0].url + "/metadata", DICOM_JSON).expect(200).json()[0]
    assert "InlineBinary" not in item.get("7FE00010", {}), "half a megabyte of pixels in the metadata"
    assert "BulkDataURI" in item["7FE00010"]


def test_one_frame_in_each_form(slices, a):
    one = slices[0]
    wanted = one.dataset().PixelData
    for accept in (
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
        f"multipart/related; type=application/octet-stream; transfer-syntax={EXPLICIT_LE}",
        'multipart/related; type="application/octet-stream"',
        "*/*",
    ):
        answer = a.get(f"{one.url}/frames/1", accept).expect(200)
        assert multipart.parts(answer)[0].body == wanted, f"Accept: {accept}"
    single = a.get(f"{one.url}/frames/1", "application/octet-stream").expect(200)
    assert single.header("Content-Type").startswith("application/octet-stream") and single.body == wanted


def test_several_frames_in_the_order_asked_for(a):
    one = instance(next(file for file in readable() if file.name == "emri_small.dcm"))
    stow(a, [one.bytes()]).expect(200)
    frames = one.dataset().pixel_array
    answer = a.get(f"{one.url}/frames/3,1,10", FRAME_PART + EXPLICIT_LE).expect(200)
    got = [part.body for part in multipart.parts(answer)]
    assert got == [frames[number - 1].astype("<u2").tobytes() for number in (3, 1, 10)]


@pytest.mark.parametrize("frames, status", [("0", 400), ("two", 400), ("99", 404), ("1,99", 404)])
def test_frames_that_are_not_there(slices, a, frames, status):
    a.get(f"{slices[0].url}/frames/{frames}", FRAME_PART + "*").expect(status)


def test_what_cannot_be_made_is_406(slices, a):
    a.get(f"{slices[0].url}/frames/1", FRAME_PART + "1.2.840.10008.1.2.4.201").expect(406)
    a.get(f"{slices[0].url}/rendered", "image/gif").expect(406)
    a.get(slices[0].url, 'multipart/related; type="application/pdf"').expect(406)
    a.get(slices[0].url + "/metadata", "text/html").expect(406)


def test_a_compressed_instance_is_transcoded_on_request(compressed, a):
    stored = multipart.parts(a.get(compressed.url, DICOM_PART).expect(200))[0]
    assert sha256(dataset_bytes(stored.body)) == sha256(dataset_bytes(compressed.bytes()))
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT_LE}'
    plain = multipart.parts(a.get(compressed.url, accept).expect(200))[0]
    dataset = dcmread(io.BytesIO(plain.body))
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert numpy.array_equal(dataset.pixel_array, compressed.dataset().pixel_array)


def test_an_instance_in_the_default_transfer_syntax(compressed, a):
    """Without a transfer-syntax parameter the default is Explicit VR Little Endian (PS3.18 §8.7.3.5.2)."""
    part = multipart.parts(a.get(compressed.url, 'multipart/related; type="application/dicom"').expect(200))[0]
    dataset = dcmread(io.BytesIO(part.body))
    assert numpy.array_equal(dataset.pixel_array, compressed.dataset().pixel_array)


def test_frames_as_baseline_jpeg(slices, a):
    accept = 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'
    answer = a.get(f"{slices[0].url}/frames/1", accept)
    if answer.status == 406:
        return  # 16 bits do not fit baseline JPEG: saying so is right
    part = multipart.parts(answer.expect(200))[0]
    assert Image.open(io.BytesIO(part.body)).size == (512, 512)


# Rendered pictures.


def windowed(dataset, center: float, width: float) -> numpy.ndarray:
    """PS3.3 §C.11.2.1.2.1, LINEAR, to 8 bits."""
    x = dataset.pixel_array.astype("f8") * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    y = ((x - (center - 0.5)) / (width - 1) + 0.5) * 255
    return numpy.clip(y, 0, 255)


def picture(answer) -> numpy.ndarray:
    return numpy.asarray(Image.open(io.BytesIO(answer.body)).convert("L")).astype("f8")


@pytest.mark.parametrize("center, width", [(40, 400), (-600, 1500), (0, 2)])
def test_rendered_png_is_the_window_of_the_standard(slices, a, center, width):
    answer = a.get(f"{slices[40].url}/rendered?window={center},{width},linear", "image/png").expect(200)
    assert answer.header("Content-Type") == "image/png"
    worst = numpy.abs(picture(answer) - windowed(slices[40].dataset(), center, width)).max()
    assert worst <= 1, f"window {center},{width}: pixels differ by up to {worst:g} from PS3.3 C.11.2.1.2.1"


def test_rendered_jpeg_looks_the_same(slices, a):
    answer = a.get(f"{slices[40].url}/rendered?window=40,400,linear&quality=95", "image/jpeg").expect(200)
    mean = numpy.abs(picture(answer) - windowed(slices[40].dataset(), 40, 400)).mean()
    assert mean < 4, f"the JPEG differs by {mean:.1f} on average"


def test_rendered_without_an_accept_is_a_jpeg(slices, a):
    answer = a.get(f"{slices[40].url}/rendered", "*/*").expect(200)
    assert answer.header("Content-Type") == "image/jpeg" and answer.body[:2] == b"\xff\xd8"


def test_viewport_gives_the_size_asked_for(slices, a):
    answer = a.get(f"{slices[40].url}/rendered?viewport=200,100", "image/png").expect(200)
    width, height = Image.open(io.BytesIO(answer.body)).size
    assert width <= 200 and height <= 100 and (width == 200 or height == 100), (width, height)
    frame = a.get(f"{slices[40].url}/frames/1/rendered?viewport=256,256", "image/png").expect(200)
    assert Image.open(io.BytesIO(frame.body)).size == (256, 256)


@pytest.mark.parametrize("query", ["window=40", "window=40,0,linear", "viewport=0,0", "viewport=100000,100000", "quality=900"])
def test_rendering_that_makes_no_sense_is_refused(slices, a, query):
    a.get(f"{slices[40].url}/rendered?{query}", "image/png").expect(400)


def test_thumbnails_of_every_level(slices, a):
    one = slices[0]
    series = f"/dicom-web/studies/{one.study}/series/{one.series}"
    for path in (f"/dicom-web/studies/{one.study}", series, one.url, f"{one.url}/frames/1"):
        answer = a.get(f"{path}/thumbnail", "image/jpeg").expect(200)
        width, height = Image.open(io.BytesIO(answer.body)).size
        assert 0 < width <= 512 and 0 < height <= 512, f"the thumbnail of {path} is {width}x{height}"


def test_many_viewers_at_once(slices, a):
    wanted = {one.sop: sha256(one.dataset().PixelData) for one in slices[:40]}

    def fetch(one):
        answer = a.get(f"{one.url}/frames/1", FRAME_PART + "*").expect(200)
        return one.sop, sha256(multipart.parts(answer)[0].body)

    with ThreadPoolExecutor(8) as pool:
        assert dict(pool.map(fetch, slices[:40])) == wanted


def test_unknown_things_are_not_found(a):
    for path in ("/dicom-web/studies/1.2.3/metadata", "/dicom-web/studies/1.2.3", "/dicom-web/studies/1.2.3/series/1.2.4/metadata",
                 "/dicom-web/studies/1.2.3/series/1.2.4/instances/1.2.5/frames/1", "/dicom-web/nothing"):
        a.get(path, "*/*").expect(404)


# dicomweb-client: what a script would do.


def test_dicomweb_client_searches(slices, web):
    found = web.search_for_studies(search_filters={"StudyInstanceUID": slices[0].study})
    assert len(found) == 1
    assert len(web.search_for_series(slices[0].study)) == 1
    assert len(web.search_for_instances(slices[0].study, slices[0].series, limit=200)) == 100


def test_dicomweb_client_retrieves(slices, web):
    one = slices[7]
    dataset = web.retrieve_instance(one.study, one.series, one.sop)
    assert numpy.array_equal(dataset.pixel_array, one.dataset().pixel_array)
    assert len(web.retrieve_series_metadata(one.study, one.series)) == 100
    metadata = web.retrieve_instance_metadata(one.study, one.series, one.sop)
    assert metadata["00080018"]["Value"] == [one.sop]
    frames = web.retrieve_instance_frames(one.study, one.series, one.sop, [1])
    assert frames[0] == one.dataset().PixelData
    assert len(web.retrieve_series(one.study, one.series)) == 100


def test_dicomweb_client_renders(slices, web):
    one = slices[7]
    png = web.retrieve_instance_rendered(one.study, one.series, one.sop, media_types=("image/png",))
    assert png[:4] == b"\x89PNG"
    jpeg = web.retrieve_instance_frames_rendered(one.study, one.series, one.sop, [1], media_types=("image/jpeg",))
    assert jpeg[:2] == b"\xff\xd8"


def test_dicomweb_client_stores(server, slices):
    b = server.client("hospital-b")
    client = DICOMwebClient(f"{server.url}/dicom-web", headers=b.headers())
    answer = client.store_instances([slices[0].dataset(), slices[1].dataset()])
    assert len(answer.ReferencedSOPSequence) == 2
    assert len(client.search_for_instances(slices[0].study)) == 2


def test_dicomweb_client_fetches_bulk_data(slices, web):
    metadata = web.retrieve_instance_metadata(slices[0].study, slices[0].series, slices[0].sop)
    assert web.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"])[0] == slices[0].dataset().PixelData
