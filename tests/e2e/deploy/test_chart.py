"""The Helm chart: rendered by Helm itself, its manifests held to the schemas of Kubernetes."""

import subprocess

import kubernetes_validate
import pytest
import yaml
from lenticular.deploy import DEPLOY
from lenticular.inputs import E2E

CHART = DEPLOY / "helm/lenticular"
# the oldest that the chart names, and a new one
VERSIONS = ("1.25", "1.34")
EVERYTHING = (
    "ingress.enabled=true", "ingress.host=cloud.example.org", "ingress.tlsSecret=tls", "ingress.className=nginx", "objects.caConfigMap=ca",
    "objects.endpoint=https://s3.example.org", "settings.LENTICULAR__LOG__LEVEL=debug", "podAnnotations.a=b", "nodeSelector.a=b",
    "serviceAccount.annotations.a=b", "http.service.annotations.a=b", "image.pullSecrets[0].name=registry",
)


def helm(*args):
    return subprocess.run([E2E / "helm/helm", *map(str, args)], capture_output=True, text=True, timeout=120)


def render(*settings):
    done = helm("template", "region", CHART, *(part for setting in settings for part in ("--set", setting)))
    assert done.returncode == 0, done.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout) if one}


def test_helm_finds_nothing():
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("settings", [(), EVERYTHING, ("dimse.enabled=false", "networkPolicy.enabled=false")], ids=["plain", "everything", "http alone"])
def test_kubernetes_would_take_it(version, settings):
    manifests = render(*settings)
    assert len(manifests) >= 4
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_nodes_run_as_nobody_and_write_nothing_but_their_folders():
    pod = render()["Deployment", "region"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    for container in pod["initContainers"] + pod["containers"]:
        context = container["securityContext"]
        assert context == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        secrets = {one["name"] for one in container["env"] if "valueFrom" in one}
        assert secrets == {"LENTICULAR__STORE__URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_a_name_that_was_changed_in_the_app_stays():
    pod = render()["Deployment", "region"]["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["args"][:3] == ["org", "add", "--first"]


def test_a_node_is_asked_and_given_time_to_drain():
    pod = render("drainSeconds=30")["Deployment", "region"]["spec"]["template"]["spec"]
    node = pod["containers"][0]
    assert node["readinessProbe"]["httpGet"]["path"] == "/readyz" and node["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert {"name": "LENTICULAR__DRAIN__SECONDS", "value": "30"} in node["env"]
    assert pod["terminationGracePeriodSeconds"] > 30 + 62 + 5


def test_the_settings_are_ones_that_the_binary_knows():
    from lenticular.server import command

    container = render(*EVERYTHING)["Deployment", "region"]["spec"]["template"]["spec"]["containers"][0]
    settings = {one["name"]: one.get("value", "postgres://u:p@h/d") for one in container["env"] if one["name"].startswith("LENTICULAR__")}
    done = command("config", **settings)
    assert done.code == 0, done.err


@pytest.mark.parametrize("setting", ["replicas=0", "objects.url=http://x", "ingress.enabled=true", "databse.secret=x", "settings.HOME=x", "owner.id=Not An Id"])
def test_values_that_mean_nothing_are_refused(setting):
    done = helm("template", "region", CHART, "--set", setting)
    assert done.returncode != 0 and "values" in done.stderr, done.stdout[-500:]
