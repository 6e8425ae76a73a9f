"""Which network a command works on: one that is there, not a second one beside it that a missing setting made."""

import json

import pytest
from lenticular.server import command


@pytest.mark.parametrize("asked", [
    ("verify",), ("reindex",), ("org", "list"), ("token", "--org", "a", "--role", "clinician"), ("user", "list", "--org", "a"), ("device", "list"),
    ("import", "--org", "a", "."),
], ids=" ".join)
def test_where_nothing_is_nothing_is_made(folder, asked):
    nowhere = folder / "nowhere"
    done = command(*asked, "--data", nowhere)
    assert done.code == 1 and f"there is no network in {nowhere}" in done.err and "clean" not in done.out, (done.out, done.err)
    assert not nowhere.exists()


def test_the_first_member_is_added_once_and_keeps_its_name(folder):
    data = folder / "first"

    def add(*more):
        done = command("org", "add", "--data", data, "--json", *more)
        assert done.code == 0, done.err
        return json.loads(done.out)

    assert add("--first", "--id", "hospital", "--name", "As set up") == {"id": "hospital", "name": "As set up"}
    # somebody changes the name, and a node starts again
    add("--id", "hospital", "--name", "As changed")
    for name in ("hospital", "another"):
        assert add("--first", "--id", name, "--name", "As set up") == {"id": None, "name": None}
    listed = command("org", "list", "--data", data, "--json")
    assert json.loads(listed.out) == {"members": [{"id": "hospital", "name": "As changed"}]}
