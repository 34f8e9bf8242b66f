"""The gate before moto's server: no request signed by a role gets past it without IAM's consent.

It stands on the server's side of the wire, so that nothing in a function or on the host can go around it. The account's
owner, who deploys and looks, may do everything; signatures are not verified, access keys and session tokens are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from fine_tune_slm.localcloud.errors import OperationUnmappedError
from fine_tune_slm.localcloud.iam import refusals
from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.actions import needed_accesses
from fine_tune_slm.localcloud.iam.inventory import Inventory
from fine_tune_slm.localcloud.iam.journal import Journal, Use
from fine_tune_slm.localcloud.iam.policy import Decision, decide
from fine_tune_slm.localcloud.iam.refusals import Refusal
from fine_tune_slm.localcloud.iam.roles import Session, session_of, statements_of
from fine_tune_slm.localcloud.iam.wire import read_call, read_request
from fine_tune_slm.localcloud.seams.seam import Seam
from fine_tune_slm.localcloud.server import CALLER_CREDENTIALS

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[\w-]+/([\w-]+)/aws4_request")
_OWNER_KEY = CALLER_CREDENTIALS["AWS_ACCESS_KEY_ID"]

Wsgi = Callable[..., Iterable[bytes]]


class Gate:
    """Judges requests, and notes in the journal what it was asked."""

    def __init__(self, inventory: Inventory, journal: Journal) -> None:
        self._inventory = inventory
        self._journal = journal

    def seams(self) -> list[Seam]:
        """Return the seam that puts the gate before moto's server."""
        return [Seam(DomainDispatcherApplication, "__call__", ("self", "environ", "start_response"), self._guarding)]

    def _guarding(self, original: Wsgi) -> Wsgi:
        def call(application: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            refusal = self.refusal(environ)
            if refusal is None:
                return original(application, environ, start_response)
            return _answer(refusal, environ, start_response)

        return call

    def refusal(self, environ: dict[str, Any]) -> Refusal | None:
        """Return why a request is refused, or None when it may pass."""
        credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        key, service = credential.groups() if credential else ("", "s3")
        if key == _OWNER_KEY:
            return None
        session = session_of(key, environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""))
        if session is None:
            return refusals.unknown_caller(service)
        try:
            accesses = needed_accesses(read_call(read_request(environ, service), service), self._inventory)
        except OperationUnmappedError as error:
            self._journal.record_unmapped(f"{session.role}: {error.message}")
            return refusals.unmapped(service, str(error))
        return next(filter(None, (self._judge(session, service, access) for access in accesses)), None)

    def _judge(self, session: Session, service: str, access: Access) -> Refusal | None:
        decision = self._decision(session.role, access)
        self._journal.record(Use(session.role, access, decision.is_allowed))
        return None if decision.is_allowed else refusals.denied(service, session.arn, access, decision)

    def _decision(self, role: str, access: Access) -> Decision:
        statements = statements_of(role)
        if access.action.startswith("s3:"):
            bucket = access.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
            # a bucket's policy here may only take away: what it allows to everybody allows nothing to a role
            statements += tuple(one for one in self._inventory.bucket_statements(bucket) if one.is_deny)
        return decide(statements, access)


def _answer(refusal: Refusal, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    # a body left unread would be taken for the next request of the connection
    is_terminated = environ.get("wsgi.input_terminated", False)
    environ["wsgi.input"].read(-1 if is_terminated else int(environ.get("CONTENT_LENGTH") or 0))
    body = refusal.body()
    start_response(f"{refusal.status.value} {refusal.status.phrase}", refusal.headers(len(body)))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
