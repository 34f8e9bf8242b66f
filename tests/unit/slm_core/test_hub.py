"""A token is asked about before the GPU starts, and what the Hub says becomes one of three errors."""

import http.server
import json
import threading

import pytest
from slm_core import hub
from slm_core.errors import BaseModelMissingError, HubTokenRefusedError, HubUnavailableError

IDENTITY = {"name": "local", "orgs": [{"name": "clinic"}], "auth": {"accessToken": {"role": "write"}}}


@pytest.fixture
def answer():
    """A Hub whose answer a test sets: status and body."""
    said = {"status": 200, "body": json.dumps(IDENTITY).encode(), "headers": {}, "heard": []}

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            said["heard"].append((self.path, self.headers["Authorization"]))
            self.send_response(said["status"])
            for name, value in said["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(said["body"])

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        said["endpoint"] = f"http://127.0.0.1:{server.server_port}"
        yield said
        server.shutdown()
        thread.join()


def _access(endpoint="http://127.0.0.1:1", **changes):
    return hub.Access(**{"endpoint": endpoint, "token": "a-token", "secret_name": "a-secret"} | changes)


def _identity(role="write", **changes):
    return hub.Identity.model_validate(IDENTITY | {"auth": {"accessToken": {"role": role}}} | changes)


def test_the_token_is_shown_to_the_hub_and_its_owner_is_told(answer):
    identity = hub.who_is(_access(answer["endpoint"]))
    assert (identity.name, identity.role) == ("local", "write")
    assert answer["heard"] == [("/api/whoami-v2", "Bearer a-token")]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_names_its_secret_and_not_itself(answer, status):
    answer["status"] = status
    with pytest.raises(HubTokenRefusedError, match="a-secret") as raised:
        hub.who_is(_access(answer["endpoint"]))
    assert "a-token" not in str(raised.value)


@pytest.mark.parametrize("status", [500, 502, 503, 429, 404])
def test_a_hub_in_trouble_can_be_tried_again(answer, status):
    answer["status"] = status
    with pytest.raises(HubUnavailableError, match=str(status)):
        hub.who_is(_access(answer["endpoint"]))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
def test_an_answer_that_is_no_identity_can_be_tried_again(answer, body):
    answer["body"] = body
    with pytest.raises(HubUnavailableError, match="no identity"):
        hub.who_is(_access(answer["endpoint"]))


def test_a_hub_that_does_not_answer_can_be_tried_again():
    with pytest.raises(HubUnavailableError, match="does not answer"):
        hub.who_is(_access())


@pytest.mark.parametrize("token", ["pasted with\na line break", "smart \u2013 dash"])
def test_a_secret_that_holds_no_token_is_refused(token):
    with pytest.raises(HubTokenRefusedError, match="a-secret") as raised:
        hub.who_is(_access(token=token))
    assert token not in str(raised.value)


@pytest.mark.parametrize("repo_id", ["local/adapter", "clinic/adapter"])
def test_a_writing_token_publishes_to_its_own_namespaces(repo_id):
    assert _identity().may_write_to(repo_id)
    assert hub.require_writing(_identity(), repo_id, "a-secret") is None


def test_a_fine_grained_token_is_given_the_benefit_of_the_doubt():
    assert not _identity().may_write_to("elsewhere/adapter")
    assert _identity("fineGrained").may_write_to("elsewhere/adapter")
    assert hub.require_writing(_identity("fineGrained"), "elsewhere/adapter", "a-secret") is None


@pytest.mark.parametrize(
    ("role", "repo_id", "told"),
    [("read", "local/adapter", "role read"), ("write", "elsewhere/adapter", "cannot publish")],
)
def test_a_token_that_cannot_publish_is_refused_before_the_gpu_starts(role, repo_id, told):
    with pytest.raises(HubTokenRefusedError, match=told):
        hub.require_writing(_identity(role), repo_id, "a-secret")


@pytest.mark.parametrize(("status", "headers"), [(200, {}), (307, {"Location": "http://127.0.0.1:1/elsewhere"})])
def test_a_base_model_that_the_token_may_read_is_asked_for_by_its_pinned_revision(answer, status, headers):
    answer |= {"status": status, "headers": headers}
    hub.require_reading(_access(answer["endpoint"]), "meta/model", "c" * 40)
    assert answer["heard"] == [(f"/meta/model/resolve/{'c' * 40}/config.json", "Bearer a-token")]


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (401, {}, HubTokenRefusedError),
        (403, {"X-Error-Code": "GatedRepo"}, HubTokenRefusedError),
        (401, {"X-Error-Code": "RepoNotFound"}, BaseModelMissingError),
        (404, {"X-Error-Code": "RevisionNotFound"}, BaseModelMissingError),
        (404, {}, BaseModelMissingError),
        (429, {}, HubUnavailableError),
        (503, {}, HubUnavailableError),
    ],
)
def test_a_base_model_that_cannot_be_read_says_why_by_secret_model_and_status(answer, status, headers, error):
    answer |= {"status": status, "headers": headers}
    with pytest.raises(error, match=rf"meta/model.*{status}|{status}.*meta/model") as raised:
        hub.require_reading(_access(answer["endpoint"]), "meta/model", "c" * 40)
    assert "a-token" not in str(raised.value)
    if error is HubTokenRefusedError:
        assert "accept the model's licence" in str(raised.value)


def test_a_hub_that_does_not_answer_for_the_base_model_can_be_tried_again():
    with pytest.raises(HubUnavailableError, match="does not answer"):
        hub.require_reading(_access(), "meta/model", "c" * 40)


@pytest.mark.parametrize(("status", "may_write"), [(200, True), (403, False), (401, False), (404, None)])
def test_whether_a_repository_may_be_written_to_is_asked_of_the_hub(answer, status, may_write):
    answer["status"] = status
    assert hub.may_write(_access(answer["endpoint"]), "clinic/model") is may_write
    assert answer["heard"] == [("/api/models/clinic/model/auth-check/write", "Bearer a-token")]


def test_a_hidden_repository_is_not_told_from_a_missing_one(answer):
    answer |= {"status": 401, "headers": {"X-Error-Code": "RepoNotFound"}}
    assert hub.may_write(_access(answer["endpoint"]), "clinic/model") is None


def test_a_hub_in_trouble_says_nothing_about_writing(answer):
    answer["status"] = 503
    with pytest.raises(HubUnavailableError, match="503"):
        hub.may_write(_access(answer["endpoint"]), "clinic/model")
