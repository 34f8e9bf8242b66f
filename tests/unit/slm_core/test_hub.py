"""A token is asked about before the GPU starts, and what the Hub says becomes one of three errors."""

import http.server
import json
import threading

import pytest
from slm_core import hub
from slm_core.errors import HubTokenRefusedError, HubUnavailableError

IDENTITY = {"name": "local", "orgs": [{"name": "clinic"}], "auth": {"accessToken": {"role": "write"}}}


@pytest.fixture
def answer():
    """A Hub whose answer a test sets: status and body."""
    said = {"status": 200, "body": json.dumps(IDENTITY).encode(), "heard": []}

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            said["heard"].append((self.path, self.headers["Authorization"]))
            self.send_response(said["status"])
            self.end_headers()
            self.wfile.write(said["body"])

        def log_message(self, *_):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        said["endpoint"] = f"http://127.0.0.1:{server.server_port}"
        yield said
        server.shutdown()
        thread.join()


def _identity(role="write", **changes):
    return hub.Identity.model_validate(IDENTITY | {"auth": {"accessToken": {"role": role}}} | changes)


def test_the_token_is_shown_to_the_hub_and_its_owner_is_told(answer):
    identity = hub.who_is(answer["endpoint"], "a-token", "a-secret")
    assert (identity.name, identity.role) == ("local", "write")
    assert answer["heard"] == [("/api/whoami-v2", "Bearer a-token")]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_names_its_secret_and_not_itself(answer, status):
    answer["status"] = status
    with pytest.raises(HubTokenRefusedError, match="a-secret") as raised:
        hub.who_is(answer["endpoint"], "a-token", "a-secret")
    assert "a-token" not in str(raised.value)


@pytest.mark.parametrize("status", [500, 502, 503, 429, 404])
def test_a_hub_in_trouble_can_be_tried_again(answer, status):
    answer["status"] = status
    with pytest.raises(HubUnavailableError, match=str(status)):
        hub.who_is(answer["endpoint"], "a-token", "a-secret")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
def test_an_answer_that_is_no_identity_can_be_tried_again(answer, body):
    answer["body"] = body
    with pytest.raises(HubUnavailableError, match="no identity"):
        hub.who_is(answer["endpoint"], "a-token", "a-secret")


def test_a_hub_that_does_not_answer_can_be_tried_again():
    with pytest.raises(HubUnavailableError, match="does not answer"):
        hub.who_is("http://127.0.0.1:1", "a-token", "a-secret")


@pytest.mark.parametrize("token", ["pasted with\na line break", "smart \u2013 dash"])
def test_a_secret_that_holds_no_token_is_refused(token):
    with pytest.raises(HubTokenRefusedError, match="a-secret") as raised:
        hub.who_is("http://127.0.0.1:1", token, "a-secret")
    assert token not in str(raised.value)


@pytest.mark.parametrize("repo_id", ["local/adapter", "clinic/adapter"])
def test_a_writing_token_publishes_to_its_own_namespaces(repo_id):
    hub.require_writing(_identity(), repo_id, "a-secret")


def test_a_fine_grained_token_is_given_the_benefit_of_the_doubt():
    hub.require_writing(_identity("fineGrained"), "elsewhere/adapter", "a-secret")


@pytest.mark.parametrize(
    ("role", "repo_id", "told"),
    [("read", "local/adapter", "role read"), ("write", "elsewhere/adapter", "cannot publish")],
)
def test_a_token_that_cannot_publish_is_refused_before_the_gpu_starts(role, repo_id, told):
    with pytest.raises(HubTokenRefusedError, match=told):
        hub.require_writing(_identity(role), repo_id, "a-secret")
