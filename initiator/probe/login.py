# SPDX-License-Identifier: GPL-2.0-only
"""Probes logins: keys, limits, authentication, names, and reasons of refusals."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from initiator.connection import Connection
from initiator.expect import ConformanceFailure
from initiator.login import (
    DEFAULT_KEYS,
    LoginExchange,
    LoginOptions,
    LoginRefused,
)
from initiator.session import Session
from initiator.texts import read_text
from iscsi import text
from iscsi.address import Portal
from iscsi.chap import Algorithm
from iscsi.constants import LoginStatus, Stage
from iscsi.errors import (
    ConnectionLost,
    DecodeError,
    ISCSIError,
    NotConnected,
    PeerTimeout,
)
from iscsi.printable import printable

EVERYTHING: Mapping[str, str] = {
    **DEFAULT_KEYS,
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "InitialR2T": "No",
    "ImmediateData": "Yes",
    "MaxConnections": "8",
    "MaxOutstandingR2T": "8",
    "DataPDUInOrder": "No",
    "DataSequenceInOrder": "No",
    "ErrorRecoveryLevel": "2",
    "TaskReporting": "FastAbort,ResponseFence,RFC3720",
    "iSCSIProtocolLevel": "2",
}
"""An offer of every feature; the target has those that it accepts."""

_LIMITS: Mapping[str, str] = {
    "MaxConnections": "65535",
    "MaxOutstandingR2T": "65535",
    "MaxBurstLength": "16777215",
    "FirstBurstLength": "16777215",
    "DefaultTime2Wait": "0",
    "DefaultTime2Retain": "3600",
}
"""The widest value of each key; the target's answer is its own limit."""

MOST_NAMES = 16
"""The maximum number of printed names of a discovery session."""

_MOST_ROUNDS = 4
"""The number of requests within which a target must choose an authentication method."""


@dataclass(frozen=True, slots=True)
class Login:
    """The result of a login that offered `EVERYTHING`."""

    results: Mapping[str, str]
    """The agreed values, by key."""
    declared: Mapping[str, str]
    """The values that the target declared, by key."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """The authentication that a target requires if CHAP and None are offered."""

    method: str
    """CHAP, None, or a text that says why it is unknown."""
    is_optional: bool = False
    """Whether it chooses CHAP, but also accepts None if only that is offered."""
    algorithms: tuple[str, ...] = ()
    """The algorithms for which it sends a challenge, each offered alone."""


def try_everything(portal: Portal, options: LoginOptions, *, timeout: float) -> Login:
    """Log in once, offering every feature and the widest limits.

    Raises:
        ISCSIError: as `Session`.
    """
    offer = replace(options, keys={**EVERYTHING, **_LIMITS})
    with Session(portal, offer, timeout=timeout) as session:
        return Login(dict(session.login.results), dict(session.login.declared))


def authentication(
    portal: Portal, options: LoginOptions, *, timeout: float
) -> Authentication:
    """Find out which authentication is required; none of these logins is completed."""
    try:
        method = _method(portal, options, "CHAP,None", timeout)
        if method != "CHAP":
            return Authentication(printable(method))
        accepted = [
            one for one in Algorithm if _challenges(portal, options, one, timeout)
        ]
    except ISCSIError as error:
        return Authentication(f"no answer: {error}")
    try:
        is_optional = _method(portal, options, "None", timeout) == "None"
    except ISCSIError:
        is_optional = False
    return Authentication("CHAP", is_optional, tuple(one.name for one in accepted))


def _method(portal: Portal, options: LoginOptions, offered: str, timeout: float) -> str:
    with closing(Connection(portal, timeout=timeout)) as connection:
        return _choose(LoginExchange(connection, isid=options.isid), options, offered)


def _challenges(
    portal: Portal, options: LoginOptions, algorithm: Algorithm, timeout: float
) -> bool:
    """Tell whether a target sends a challenge for an algorithm.

    Raises:
        NotConnected, PeerTimeout: the target does not answer.
    """
    number = str(int(algorithm))
    with closing(Connection(portal, timeout=timeout)) as connection:
        login = LoginExchange(connection, isid=options.isid)
        try:
            _choose(login, options, "CHAP")
            return _ask(login, [("CHAP_A", number)]).get("CHAP_A") == number
        except (LoginRefused, ConnectionLost, DecodeError):
            return False


def _choose(login: LoginExchange, options: LoginOptions, offered: str) -> str:
    """Offer authentication methods; return the one that the target chooses.

    Raises:
        LoginRefused: the target refuses the login.
        ISCSIError: as `LoginExchange.request`, or it chooses nothing.
    """
    pairs = [*options.names(), ("AuthMethod", offered)]
    for _ in range(_MOST_ROUNDS):
        answer = _ask(login, pairs)
        if "AuthMethod" in answer:
            return answer["AuthMethod"]
        pairs = []
    raise DecodeError("the target answers AuthMethod with nothing")


def _ask(login: LoginExchange, pairs: text.Pairs) -> dict[str, str]:
    """Send one security request and return the pairs of the answer.

    Raises:
        LoginRefused: the target refuses the login.
        ISCSIError: as `LoginExchange.request`.
    """
    response = login.request(pairs, csg=Stage.SECURITY)
    if response.status != LoginStatus.SUCCESS:
        raise LoginRefused(response)
    return dict(read_text(login.connection, bytes(response.data)))


def names_at(portal: Portal, options: LoginOptions, *, timeout: float) -> list[str]:
    """Return the target names of a discovery session, printable.

    Raises:
        ISCSIError, ConformanceFailure: the session is refused, or lists nothing.
    """
    plain = replace(options, is_discovery=True, target_name=None, keys=DEFAULT_KEYS)
    with Session(portal, plain, timeout=timeout) as session:
        pairs = session.send_targets()
    return [printable(value) for key, value in pairs if key == "TargetName"]


def hint(
    error: ISCSIError, portal: Portal, options: LoginOptions, *, timeout: float
) -> str:
    """Return a hint on a first login that has failed; one line."""
    if isinstance(error, LoginRefused):
        return _hint_of_refusal(error.status, portal, options, timeout)
    if isinstance(error, PeerTimeout):
        return "something accepts TCP there but does not answer: is it an iSCSI target?"
    if isinstance(error, NotConnected):
        return "check that the target runs and listens on this port"
    if isinstance(error, ConnectionLost):
        return "see the target's log"
    if isinstance(error, DecodeError):
        return "what listens there does not speak iSCSI"
    return "a first login must succeed before anything can be tested"


def _hint_of_refusal(
    status: int, portal: Portal, options: LoginOptions, timeout: float
) -> str:
    if status == LoginStatus.NOT_FOUND:
        return f"check the target's name; {_offered(portal, options, timeout)}"
    if status in (LoginStatus.AUTHENTICATION_FAILURE, LoginStatus.MISSING_PARAMETER):
        return "check the CHAP user and secret (--target=help shows how to give them)"
    if status == LoginStatus.AUTHORIZATION_FAILURE:
        return f"allow the initiator name {options.initiator_name} there"
    return "see the target's log"


def _offered(portal: Portal, options: LoginOptions, timeout: float) -> str:
    plain = replace(options, credentials=None, mutual=None)
    try:
        names = names_at(portal, plain, timeout=timeout)
    except (ISCSIError, ConformanceFailure):
        return "it names none in a discovery session"
    more = len(names) - MOST_NAMES
    listed = ", ".join(names[:MOST_NAMES]) or "none"
    return f"this portal offers {listed}" + (f" and {more} more" if more > 0 else "")
