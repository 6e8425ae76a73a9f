"""haproxy as deploy/haproxy sets it up, before two nodes."""

import http.client
import os
import re
import socket
import subprocess
import threading
import time

import pytest
from lenticular.deploy import DEPLOY
from lenticular.server import Server


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, seconds=30):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"{what.__name__} did not come within {seconds} s"
        time.sleep(0.05)


@pytest.fixture
def proxied(folder):
    """Two nodes and a proxy: the file as it is, but for the ports."""
    nodes = [Server(folder / f"node-{n}", LENTICULAR__DRAIN__SECONDS="6") for n in (1, 2)]
    for node in nodes:
        node.org("hospital-a", "Hospital A")
        node.device("hospital-a", "SCANNER1")
        node.start()
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text()
    ports = {"8080": free_port(), "11112": free_port(), "8404": free_port()}
    text = text.replace("bind :8080", f"bind 127.0.0.1:{ports['8080']}").replace("bind :11112", f"bind 127.0.0.1:{ports['11112']}")
    text = text.replace("127.0.0.1:8404", f"127.0.0.1:{ports['8404']}")
    for n, node in enumerate(nodes, 1):
        web = node.http.rsplit(":", 1)[1]
        text = text.replace(f'"${{NODE_{n}}}":8080 check', f"127.0.0.1:{web} check")
        text = text.replace(f'"${{NODE_{n}}}":11112 check port 8080', f"127.0.0.1:{node.dimse_port} check port {web}")
    assert "${" not in text
    config = folder / "haproxy.cfg"
    config.write_text(text)
    log = open(folder / "haproxy.log", "wb")
    proxy = subprocess.Popen(["haproxy", "-f", config], stdout=log, stderr=log)
    log.close()
    yield nodes, ports
    proxy.kill()
    proxy.wait()
    for node in nodes:
        node.kill()


def ask(port, path="/fhir/metadata"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def test_a_node_leaves_without_a_request_that_fails(proxied):
    nodes, ports = proxied
    wait_for(lambda: ask(ports["8080"]) == 200)
    stop, answers = threading.Event(), []

    def keep_asking():
        while not stop.is_set():
            answers.append(ask(ports["8080"]))

    clients = [threading.Thread(target=keep_asking) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        before = len(answers)
        assert nodes[0].stop() == 0
        # and the other is alone for a while
        wait_for(lambda: len(answers) > before + 200)
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert set(answers) == {200}, {status: answers.count(status) for status in set(answers)}
    nodes[1].kill()
    wait_for(lambda: ask(ports["8080"]) == 503)


def test_associations_go_through_and_operators_doors_do_not(proxied):
    nodes, ports = proxied
    wait_for(lambda: ask(ports["8080"]) == 200)
    for path in ("/metrics", "/readyz", "/healthz"):
        assert ask(ports["8080"], path) == 404
    assert ask(ports["8404"], "/metrics") == 200
    echo = ["echoscu", "-aet", "SCANNER1", "-aec", "LENTICULAR", "127.0.0.1", str(ports["11112"])]
    for _ in range(4):
        done = subprocess.run(echo, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", ["haproxy/haproxy.cfg", "patroni/leader.cfg"])
def test_haproxy_reads_it(file):
    names = {"NODE_1": "127.0.0.1", "NODE_2": "127.0.0.1"}
    done = subprocess.run(["haproxy", "-c", "-f", DEPLOY / file], capture_output=True, text=True, timeout=60, env={**os.environ, **names})
    said = done.stdout + done.stderr
    assert done.returncode == 0 and not re.search(r"ALERT|WARNING(?!.*could not resolve)", said), said
