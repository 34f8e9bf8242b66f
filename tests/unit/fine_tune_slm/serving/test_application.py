"""What a browser and a program get from the site, for good requests and for all others."""

from __future__ import annotations

import asyncio
import json

import pytest

from extraction.answer_line import evidenced_line
from extraction.parser import record_of
from fine_tune_slm.serving.application import ASSET_TYPES, MOST_BODY_BYTES
from fine_tune_slm.serving.reader import LONGEST_NOTE_CHARACTERS
from tests.unit.fine_tune_slm.serving.conftest import HOST, NOTE, VALUES


def error_of(answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["error"]["type"]


def test_the_page_asks_for_a_note_and_loads_nothing_from_elsewhere(client, run):
    answer = run(client.send("GET", "/"))
    assert answer.status == 200
    assert '<label for="note">' in answer.body
    assert "://" not in answer.body
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ASSET_TYPES)
def test_the_page_has_its_own_style_script_and_icon(name, client, run):
    answer = run(client.send("GET", f"/{name}"))
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, ASSET_TYPES[name])
    assert "http" not in answer.body.replace("http://www.w3.org/2000/svg", "")


def test_a_pasted_note_comes_back_with_its_evidence_marked_and_its_own_markup_harmless(client, run):
    answer = run(client.paste(NOTE))
    assert answer.status == 200
    assert 'class="stage">stage IV' in answer.body
    assert "Not supported by the note: brain" in answer.body
    assert "1 not supported by the note." in answer.body
    assert "stated stage" in answer.body
    assert "&lt;b&gt;" in answer.body
    assert "<b>" not in answer.body


def test_the_line_breaks_of_the_form_are_those_that_were_pasted(client, run):
    run(client.paste("Synthetic\r\nnote\r\n"))
    assert client.model.read == ["Synthetic\nnote\n"]


@pytest.mark.parametrize("body", [{"input": NOTE}, NOTE, {"input": NOTE, "output": None}])
def test_a_program_gets_the_line_that_extract_prints(body, client, run):
    answer = run(client.post(json.dumps(body).encode()))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == evidenced_line(record_of(VALUES), NOTE)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"7", b"null", b'{"note": "x"}', b'""', b'" \\n"', b'"\\ud800"', b"[" * 100_000]
)
def test_what_holds_no_note_is_refused_with_the_way_to_send_one(body, client, run):
    answer = run(client.post(body))
    assert error_of(answer) == (400, "NoteRefusedError")
    assert "/extract" in json.loads(answer.body)["error"]["remedy"]


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_a_body_that_another_site_could_send_unasked_is_refused(kind, client, run):
    assert error_of(run(client.post(json.dumps(NOTE).encode(), content_type=kind))) == (400, "NoteRefusedError")
    assert client.model.read == []


@pytest.mark.parametrize("body", [b"note=%FF", b"\xff", b"other=x", b"note=+%0D%0A", b"&".join([b"note=x"] * 20), b""])
def test_a_form_without_a_note_is_told_on_the_page(body, client, run):
    answer = run(client.send("POST", "/", body))
    assert answer.status == 400
    assert 'role="alert"' in answer.body
    assert "Paste a note on the page" in answer.body


def test_the_longest_note_is_read_whatever_its_characters(client, run):
    for letter in ("a", "\U0001f600"):
        note = "Synthetic. " + letter * (LONGEST_NOTE_CHARACTERS - 11)
        assert run(client.post(json.dumps(note).encode())).status == 200
        assert run(client.paste(note)).status == 200


@pytest.mark.parametrize("size", [LONGEST_NOTE_CHARACTERS + 1, MOST_BODY_BYTES * 2])
def test_a_longer_note_is_refused_by_its_length_and_never_read(size, client, run):
    for answer in (run(client.paste("x" * size)), run(client.post(json.dumps("x" * size).encode()))):
        assert answer.status == 413
        assert "fine-tune-slm extract FILE" in answer.body
    assert client.model.read == []


def test_a_note_that_is_a_little_too_long_stays_in_the_form(client, run):
    note = "Synthetic. " + "x" * LONGEST_NOTE_CHARACTERS
    assert f"{note}</textarea>" in run(client.paste(note)).body


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.example:8000", "", "localhost.example", "[::1"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/"), ("POST", "/extract")])
def test_a_name_that_somebody_else_may_point_here_is_refused(host, method, path, client, run):
    answer = run(client.send(method, path, json.dumps(NOTE).encode(), host=host, content_type="application/json"))
    assert (answer.status, client.model.read) == (403, [])
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_this_machines_own_names_are_answered_also_behind_a_forwarded_port(host, client, run):
    assert run(client.send("GET", "/", host=host)).status == 200
    assert run(client.paste(NOTE, host=host, origin=f"http://{host}")).status == 200


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1:8001", f"https://{HOST}"])
def test_a_form_of_another_site_is_refused(origin, client, run):
    assert run(client.paste(NOTE, origin=origin)).status == 403
    assert error_of(run(client.post(json.dumps(NOTE).encode(), origin=origin))) == (403, "RequestRefusedError")
    assert client.model.read == []


def test_notes_are_read_one_at_a_time_and_only_so_many_wait(client, run):
    async def crowd():
        client.model.gate = asyncio.Event()
        asked = [asyncio.create_task(client.post(json.dumps(f"Synthetic {n}").encode())) for n in range(5)]
        while not all(task.done() for task in asked[3:]):
            await asyncio.sleep(0)
        assert not any(task.done() for task in asked[:3])
        client.model.gate.set()
        return await asyncio.gather(*asked)

    answers = run(crowd())
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert error_of(answers[4]) == (429, "ServerBusyError")
    assert int(answers[4].headers["retry-after"]) > 0
    assert client.model.read == ["Synthetic 0", "Synthetic 1", "Synthetic 2"]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("Synthetic: end yourself", (503, "ModelEndedError")),
        ("Synthetic: write prose", (503, "ModelEndedError")),
        ("Synthetic: break", (500, "ServerFailedError")),
    ],
)
def test_a_failure_is_told_without_the_note_and_the_next_note_is_read(note, expected, client, run, capfd):
    async def both():
        return await client.post(json.dumps(note).encode()), await client.paste(note), await client.post(b'"Synthetic"')

    failed, page, after = run(both())
    assert error_of(failed) == expected
    assert (page.status, after.status) == (expected[0], 200)
    assert note not in failed.body + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/", 405), ("GET", "/extract", 405)]
)
def test_there_is_nothing_else(method, path, status, client, run):
    answer = run(client.send(method, path))
    assert answer.status == status
    assert "content-security-policy" in answer.headers
