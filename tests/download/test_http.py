import threading
from email.message import Message
from email.utils import formatdate

import pytest

from tests.download.engines import hub_with
from tests.fake_hub import ADMITTED, Hub, faults
from whisper_cli.download.http import (
    BrokenError,
    Client,
    ConnectFailed,
    StatusError,
    get_json,
    public,
)
from whisper_cli.download.retry import retry_after


@pytest.fixture
def client():
    client = Client(connect_timeout=1, read_timeout=1)
    yield client
    client.close()


def tree(hub):
    return f"{hub.endpoint}/api/models/me/model/tree/main?recursive=true&expand=false"


def ask(client, url, tries=3):
    return get_json(client, url, {}, tries=tries, stop=threading.Event())


@pytest.mark.parametrize(
    "fault",
    [
        faults.reject(429),
        faults.reject(429, retry_after=0),
        faults.reject(429, rate_limit=0),
        faults.reject(503),
        faults.cut(after=20),
        faults.delay(1.5),
    ],
)
def test_a_call_of_the_api_survives_bursts(client, fault):
    with hub_with() as hub:
        hub.faults.add("hub/tree", fault, times=2)
        files, following = ask(client, tree(hub))
        assert {file["path"] for file in files} >= {"model.bin", "config.json"}
        assert following is None


def test_the_pages_of_a_list_are_linked(client):
    with hub_with(page=1) as hub:
        seen, url = [], tree(hub)
        while url:
            files, url = ask(client, url)
            seen += [file["path"] for file in files]
        assert sorted(seen) == ["config.json", "model.bin"]


def test_a_refusal_that_lasts_carries_status_code_and_wait(client):
    with hub_with() as hub:
        with pytest.raises(StatusError, match="404") as missing:
            ask(client, tree(hub).replace("tree/main", "tree/nowhere"))
        assert (missing.value.status, missing.value.code) == (404, "RevisionNotFound")
        hub.faults.add("hub/tree", faults.reject(429, retry_after=7))
        with pytest.raises(StatusError) as limited:
            ask(client, tree(hub), tries=0)
        assert limited.value.wait == 7


def test_redirects_without_end_are_an_error(client):
    with hub_with() as hub:
        hub.faults.add("hub/tree", faults.loop)
        with pytest.raises(BrokenError, match="redirects without end"):
            client.get(tree(hub), {})


def test_no_connection_names_the_host_and_never_the_credentials(client):
    with pytest.raises(ConnectFailed, match=r"no connection to 127\.0\.0\.1:9") as error:
        client.get("http://me:secret@127.0.0.1:9/x?Signature=abc", {})
    assert "secret" not in error.value.message


def test_a_url_that_is_not_http_is_refused(client):
    with pytest.raises(BrokenError, match="not an http address"):
        client.get("file:///etc/passwd", {})


def test_a_redirect_to_another_port_drops_the_token(client):
    with hub_with() as hub:
        url = f"{hub.endpoint}/me/model/resolve/main/model.bin"
        client.release(client.get(url, {"Authorization": f"Bearer {ADMITTED}"}))
        by_where = {r.where: r.headers for r in hub.requests}
        assert "authorization" in by_where["hub/resolve/model.bin"]
        assert "authorization" not in by_where["cdn/model.bin"]


def test_a_renamed_repository_keeps_the_token_on_the_same_host(client):
    with Hub() as hub:
        hub.add_repo("old/name", {"config.json": b"{}"}, gated=True)
        hub.rename("old/name", "new/name")
        url = f"{hub.endpoint}/old/name/resolve/main/config.json"
        response = client.get(url, {"Authorization": f"Bearer {ADMITTED}"})
        assert response.read() == b"{}"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "12"}, 12),
        ({"RateLimit": '"resolvers";r=0;t=55'}, 56),
        ({"RateLimit": '"resolvers";r=3;t=55'}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": formatdate(0, usegmt=True)}, 0),
        ({}, None),
    ],
)
def test_the_wait_that_a_server_asks_for(headers, wait):
    message = Message()
    for name, value in headers.items():
        message[name] = value
    assert retry_after(message) == wait


def test_an_address_is_shown_without_signature_and_password():
    assert public("https://me:pw@host:81/a?Signature=s") == "https://host:81/a"
