"""TLS to the database and to the object store: whom a server trusts, and whom it refuses, by the settings that the guide names."""

import shutil
from io import BytesIO
from urllib.parse import quote

import pydicom
import pytest
from lenticular import ground
from lenticular.certificates import Authority
from lenticular.dicom import DICOM_PART, stow
from lenticular.inputs import ct
from lenticular.multipart import parts
from lenticular.objects import ObjectStore
from lenticular.postgres import Cluster
from lenticular.server import Server, command

pytestmark = pytest.mark.postgres_only("files speak no TLS")

HERE, ELSEWHERE = "IP:127.0.0.1", "DNS:elsewhere.example.org"


@pytest.fixture(scope="module")
def ours(folder):
    return Authority(folder / "ours", "ours")


@pytest.fixture(scope="module")
def strange(folder):
    return Authority(folder / "strange", "strange")


class Encrypted:
    """A PostgreSQL that takes no connection without TLS."""

    def __init__(self, folder):
        self.cluster = Cluster(folder / "postgres-tls.log")
        rules = self.cluster.data / "pg_hba.conf"
        rules.write_text("\n".join(f"hostssl{line[4:]}" if line.startswith("host ") else line for line in rules.read_text().splitlines()) + "\n")

    def show(self, certificate, key) -> None:
        """From the next connection on it shows this certificate."""
        for file, name in ((certificate, "server.crt"), (key, "server.key")):
            place = self.cluster.data / name
            shutil.copy(file, place)
            place.chmod(0o600)
            self.cluster.own(place)
        self.cluster.set("ssl", "on")

    def url(self, mode: str, roots=None) -> str:
        more = f"&sslrootcert={quote(str(roots), safe='')}" if roots else ""
        return f"{self.cluster.database('encrypted')}?sslmode={mode}{more}"

    def seen(self) -> set[str]:
        """How the connections of Lenticular that are open now are protected."""
        return {row[0] for row in self.cluster.sql("select coalesce(s.version, 'none') from pg_stat_activity a join pg_stat_ssl s using (pid) where a.application_name like 'lenticular%'")}


@pytest.fixture(scope="module")
def database(folder, ours):
    encrypted = Encrypted(folder)
    encrypted.show(*ours.issue("here", HERE))
    yield encrypted
    encrypted.cluster.stop()


def asks(data, url: str, **more: str):
    """A command that needs the database."""
    ground.put(data, {"LENTICULAR__STORE__URL": url})
    return command("token", "--data", data, "--org", "hospital-a", "--role", "clinician", timeout=60, **more)


@pytest.fixture(scope="module")
def data(folder, database, ours):
    """A folder whose network is made by way of `verify-full`, the server's connections looked at while it runs."""
    server = Server(folder / "store")
    ground.put(server.data, {"LENTICULAR__STORE__URL": database.url("verify-full", ours.file)})
    server.start()
    server.org("hospital-a", "Hospital A")
    server.client("hospital-a").create({"resourceType": "Patient", "active": True})
    assert database.seen() == {"TLSv1.3"}
    assert server.stop() == 0, server.log()
    return server.data


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_database_of_our_authority_is_trusted(data, database, ours, mode):
    done = asks(data, database.url(mode, ours.file))
    assert done.code == 0, done.err
    by_environment = asks(data, database.url(mode), PGSSLROOTCERT=str(ours.file))
    assert by_environment.code == 0, by_environment.err


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_database_that_nobody_known_vouches_for_is_refused(data, database, strange, mode):
    for done in (asks(data, database.url(mode, strange.file)), asks(data, database.url(mode)), asks(data, database.url(mode), PGSSLROOTCERT=str(strange.file))):
        assert done.code != 0 and "sslrootcert" in done.err and "only-for-tests" not in done.err, done.err


def test_a_database_under_another_name_is_refused(data, database, ours):
    database.show(*ours.issue("elsewhere", ELSEWHERE))
    done = asks(data, database.url("verify-full", ours.file))
    assert done.code != 0 and "name of the host" in done.err, done.err
    # that promises nothing, and encrypts all the same
    assert asks(data, database.url("prefer")).code == 0
    database.show(*ours.issue("here-again", HERE))
    assert asks(data, database.url("verify-full", ours.file)).code == 0


def test_plain_text_is_for_who_asks_for_it(data, database, ours):
    assert asks(data, database.url("disable")).code != 0, "the database takes no connection without TLS"
    rules = database.cluster.data / "pg_hba.conf"
    rules.write_text(rules.read_text().replace("hostssl", "host"))
    database.cluster.set("ssl", "off")
    for mode in ("require", "verify-full"):
        done = asks(data, database.url(mode, ours.file))
        assert done.code != 0 and "does not encrypt" in done.err, done.err
    assert asks(data, database.url("prefer")).code == 0
    assert asks(data, database.url("disable")).code == 0


def test_a_file_without_certificates_is_named(data, database, folder):
    empty = folder / "empty.pem"
    empty.write_text("nothing\n")
    for roots in (empty, folder / "not-there.pem"):
        done = asks(data, database.url("require", roots))
        assert done.code != 0 and roots.name in done.err, done.err


@pytest.fixture(scope="module")
def objects(folder, ours):
    certificate, key = ours.issue("objects", HERE)
    both = folder / "objects.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    store = ObjectStore(folder / "objects", folder / "objects.log", certificate=both)
    yield store
    store.stop()


def large_image() -> tuple[bytes, str]:
    """One that goes to the object store before it is acknowledged, and its path."""
    dataset = pydicom.dcmread(ct()[0])
    dataset.Rows, dataset.Columns = 2048, 1600
    dataset.PixelData = bytes(range(256)) * (2048 * 1600 * 2 // 256)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue(), f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"


def test_an_object_store_is_trusted_by_its_authority_alone(folder, objects, ours, strange):
    """The same network three times: our authority by `blobs.ca`, a strange one, ours by `AWS_CA_BUNDLE`."""
    data = folder / "images"
    where = {"LENTICULAR__STORE__URL": ground.cluster().database(ground.name_of(data)), **objects.settings("tls")}
    image, path = large_image()

    ground.put(data, {**where, "LENTICULAR__BLOBS__CA": str(ours.file)})
    server = Server(data).start()
    server.org("hospital-a", "Hospital A")
    client = server.client("hospital-a")
    stow(client, [image]).expect(200)
    assert any(name.name.startswith("tls%2Fo-") for name in objects.files("tls")), "it landed, and was not taken to the object store"
    assert [part.body for part in parts(client.get(path, DICOM_PART).expect(200))] == [image]
    assert server.stop() == 0, server.log()
    held = objects.files("tls")

    for more in ({"LENTICULAR__BLOBS__CA": str(strange.file)}, {}):
        ground.put(data, {**where, **more})
        server = Server(data).start()
        client = server.client("hospital-a")
        answer = client.get(path, DICOM_PART).expect(503)
        assert b"certificate" in answer.body and b"blobs.ca" in answer.body, answer.body
        assert server.stop() == 0, server.log()
    assert objects.files("tls") == held

    ground.put(data, {**where, "AWS_CA_BUNDLE": str(ours.file)})
    server = Server(data).start()
    client = server.client("hospital-a")
    assert [part.body for part in parts(client.get(path, DICOM_PART).expect(200))] == [image]
    assert server.run("verify").code == 0
    assert server.stop() == 0, server.log()

    ground.put(data, {**where, "LENTICULAR__BLOBS__CA": str(folder / "not-there.pem")})
    done = command("serve", "--data", data, timeout=60)
    assert done.code != 0 and "blobs.ca" in done.err, done.err
