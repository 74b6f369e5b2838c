# SPDX-License-Identifier: GPL-2.0-only
"""A whole login: from its first request to full-feature phase, ignoring slips."""

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_bytes

from initiator.connection import Connection
from initiator.deadline import WHOLE_EXCHANGE, Deadline
from initiator.login import LoginExchange, LoginOptions, LoginRefused
from initiator.texts import Reader, read_text
from iscsi import chap, text
from iscsi.constants import (
    DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH,
    LoginStatus,
    Role,
    Stage,
)
from iscsi.errors import ISCSIError, NegotiationError, PeerError
from iscsi.keys import KEYS
from iscsi.login import LoginStages
from iscsi.negotiation import Negotiator, is_admissible
from iscsi.numbering import CommandNumbers, StatusNumbers
from iscsi.parameters import Parameters
from iscsi.pdu import LoginResponse

MAX_ROUNDS = 64
"""The number of requests after which a login without progress is abandoned."""

# The answers of this initiator to offers of the target.
_OWN = {
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "MaxConnections": "65535",
    "InitialR2T": "No",
    "ImmediateData": "Yes",
    "MaxBurstLength": "16777215",
    "FirstBurstLength": "16777215",
    "DefaultTime2Wait": "0",
    "DefaultTime2Retain": "3600",
    "MaxOutstandingR2T": "65535",
    "DataPDUInOrder": "No",
    "DataSequenceInOrder": "No",
    "ErrorRecoveryLevel": "2",
    "TaskReporting": "FastAbort,ResponseFence,RFC3720",
    "iSCSIProtocolLevel": "2",
}


_CHALLENGE = "RFC7143-12.1.3-02"
_PROOF = "RFC7143-12.1.3-05"
"""The clauses of the target's two steps of CHAP."""


@dataclass(slots=True)
class LoginResult:
    """The result of a login."""

    parameters: Parameters
    numbers: CommandNumbers
    status: StatusNumbers
    tsih: int
    declared: dict[str, str]
    """The values that the target declared, by key."""
    results: dict[str, str]
    """The agreed values, by key."""
    response: LoginResponse
    """The final response."""


class _Phase:
    """One login from its first request to full-feature phase."""

    def __init__(self, connection: Connection, options: LoginOptions) -> None:
        self.options = options
        self.exchange = LoginExchange(
            connection,
            isid=options.isid,
            tsih=options.tsih,
            cid=options.cid,
            cmd_sn=options.cmd_sn,
        )
        self.stages = LoginStages()
        self.negotiator = Negotiator(
            Role.INITIATOR,
            {**_OWN, **options.keys},
            is_discovery=options.is_discovery,
            is_lenient=True,
        )
        self.rounds = 0
        self.login_deadline = Deadline(WHOLE_EXCHANGE * connection.timeout)

    def run(self) -> LoginResult:
        operational = self._offers()
        first = [*self.options.names(), *operational]
        if self.options.credentials is not None:
            self._authenticate(self.options.credentials)
            first = operational
        elif self.options.passes_security:
            names = [*self.options.names(), ("AuthMethod", "None")]
            self._exchange(names, Stage.SECURITY, Stage.OPERATIONAL)
            first = operational
        last = self._negotiate(first, Stage.OPERATIONAL, Stage.FULL_FEATURE)
        self.negotiator.settle()
        self._note_violations()
        self.exchange.pass_over_unasked()
        return self._result(last)

    def _offers(self) -> text.Pairs:
        return list(self.options.keys.items())

    def _authenticate(self, credentials: chap.Credentials) -> None:
        """Run the security stage (see `iscsi.chap` for its messages)."""
        first = [*self.options.names(), ("AuthMethod", "CHAP,None")]
        declared = self._exchange(first, Stage.SECURITY, None)[0]
        if declared.get("AuthMethod") == "None":
            self._exchange([], Stage.SECURITY, Stage.OPERATIONAL)
            return
        if declared.get("AuthMethod") != "CHAP":
            # A target that accepts neither of the two has no CHAP.
            is_unknown = declared.get("AuthMethod") == text.REJECT
            raise NegotiationError(
                "the target answers AuthMethod=CHAP,None with "
                f"{declared.get('AuthMethod', 'nothing')}",
                key="AuthMethod",
                requirement="RFC7143-12.1-04" if is_unknown else "RFC7143-6.3.2-02",
            )
        algorithms = ",".join(str(int(item)) for item in self.options.algorithms)
        declared = self._exchange([("CHAP_A", algorithms)], Stage.SECURITY, None)[0]
        challenge = self._challenge(
            *(_required(declared, key) for key in ("CHAP_A", "CHAP_I", "CHAP_C"))
        )
        answer = challenge.respond(credentials.secret)
        pairs = [("CHAP_N", credentials.name), ("CHAP_R", text.format_hex(answer))]
        if self.options.mutual is None:
            self._exchange(pairs, Stage.SECURITY, Stage.OPERATIONAL)
            return
        counter_challenge = chap.Challenge(
            challenge.algorithm, (challenge.identifier + 1) & 0xFF, token_bytes(16)
        )
        pairs += [
            ("CHAP_I", str(counter_challenge.identifier)),
            ("CHAP_C", text.format_hex(counter_challenge.challenge)),
        ]
        declared = self._exchange(pairs, Stage.SECURITY, Stage.OPERATIONAL)[0]
        proof = chap.parse_binary("CHAP_R", _required(declared, "CHAP_R"))
        if _required(declared, "CHAP_N") != self.options.mutual.name:
            raise NegotiationError(
                "the target answers with another CHAP_N",
                key="CHAP_N",
                requirement=_PROOF,
            )
        if not counter_challenge.verify(self.options.mutual.secret, proof):
            raise PeerError(
                "the target's CHAP_R is wrong: it does not know the secret",
                requirement=_PROOF,
                field="CHAP_R",
            )

    def _challenge(self, algorithm: str, number: str, value: str) -> chap.Challenge:
        """Return the target's challenge, even if only its form is wrong.

        Raises:
            NegotiationError: it cannot be read.
        """
        challenge, errors = chap.read_challenge(algorithm, number, value)
        if challenge.algorithm not in self.options.algorithms:
            self._slip(
                NegotiationError(
                    f"CHAP_A={algorithm} was not offered",
                    key="CHAP_A",
                    answered=algorithm,
                    requirement="RFC7143-12.1.3-i02",
                )
            )
        for error in errors:
            self._slip(error)
        return challenge

    def _slip(self, error: ISCSIError) -> None:
        self.exchange.connection.slip(error)

    def _note_violations(self) -> None:
        while self.negotiator.violations:
            error = self.negotiator.violations.pop(0)
            if _leaves_digests_open(error):
                raise error
            self._slip(error)

    def _negotiate(
        self, pairs: text.Pairs, stage: Stage, next_stage: Stage
    ) -> LoginResponse:
        """Offer the pairs and continue until the target moves to the next stage."""
        for name, value in pairs:
            self.negotiator.offer(name, value)
        outgoing = pairs
        while True:
            answers, last = self._round(outgoing, stage, next_stage)
            outgoing = self.negotiator.receive(answers)
            self._note_violations()
            if self.stages.current is not stage:
                if outgoing:
                    self._leave_unanswered(outgoing, last)
                return last

    def _leave_unanswered(self, answers: text.Pairs, last: LoginResponse) -> None:
        """Ignore offers in a response that ends the stage.

        The values of our answers are used: they suit both ends, whatever the target
        assumes. It cannot enable digests without an answer.
        """
        names = ", ".join(name for name, _value in answers)
        for name, _value in answers:
            if name in ("HeaderDigest", "DataDigest"):
                self.negotiator.results.pop(name, None)
        self._slip(
            PeerError(
                f"a response with T=1 asks for answers to {names}",
                requirement="RFC7143-11.13.6-01",
                pdu=last,
            )
        )

    def _exchange(
        self, pairs: text.Pairs, stage: Stage, next_stage: Stage | None
    ) -> tuple[dict[str, str], LoginResponse]:
        """Send security pairs until the stage may change; return the answers."""
        answers, last = self._round(pairs, stage, next_stage)
        while next_stage is not None and self.stages.current is stage:
            more, last = self._round([], stage, next_stage)
            answers += more
        self.negotiator.declared.update(dict(answers))
        return dict(answers), last

    def _round(
        self, pairs: text.Pairs, stage: Stage, next_stage: Stage | None
    ) -> tuple[text.Pairs, LoginResponse]:
        """Send one text, in as many requests as needed; return the answered text."""
        parts = text.split(text.encode(pairs), DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH)
        reader = Reader(self.exchange.connection)
        early: text.Pairs = []
        for part in parts[:-1]:
            empty = self._pair(part, stage, None, continuation=1)
            if empty.data:
                self._slip(
                    PeerError(
                        "a text answer to a request with C=1",
                        requirement="RFC7143-6.2-02",
                        pdu=empty,
                    )
                )
                early += read_text(self.exchange.connection, bytes(empty.data))
        response = self._pair(parts[-1], stage, next_stage)
        while (answers := reader.add(response)) is None:
            response = self._pair(b"", stage, next_stage)
        return early + answers, response

    def _pair(
        self,
        data: bytes,
        stage: Stage,
        next_stage: Stage | None,
        *,
        continuation: int = 0,
    ) -> LoginResponse:
        self.rounds += 1
        if self.rounds > MAX_ROUNDS:
            raise PeerError(f"the login has not ended after {MAX_ROUNDS} requests")
        self.stages.request(
            csg=stage,
            nsg=next_stage or 0,
            transit=next_stage is not None,
            continuation=bool(continuation),
        )
        self.exchange.send(data, csg=stage, nsg=next_stage, continuation=continuation)
        wait = self.exchange.connection.timeout
        response = self.exchange.receive(self.login_deadline.within(wait))
        if response.status != LoginStatus.SUCCESS:
            raise LoginRefused(response)
        self._take_stage(response)
        return response

    def _take_stage(self, response: LoginResponse) -> None:
        """Go to the stage of a response; if its bits are wrong, to the requested one.

        A stage is left only by a request with T=1, never beyond its NSG, and not while
        C is 1. Whatever the bits are, the target can mean no more than that.
        """
        current, requested = self.stages.current, self.stages.asked_for
        continues = bool(response.continuation)
        try:
            self.stages.response(
                csg=response.csg,
                nsg=response.nsg,
                transit=bool(response.transit),
                continuation=continues,
            )
        except PeerError as error:
            error.pdu = response
            self._slip(error)
            moves = bool(response.transit) and requested is not None and not continues
            self.stages.response(
                csg=current or 0,
                nsg=requested or 0,
                transit=moves,
                continuation=continues,
            )

    def _result(self, last: LoginResponse) -> LoginResult:
        declared, results = self.negotiator.declared, self.negotiator.results
        parameters = Parameters()
        parameters.update(results)
        key = "MaxRecvDataSegmentLength"
        if key in self.options.keys:
            parameters.initiator_max_recv_data_segment_length = text.parse_number(
                self.options.keys[key]
            )
        if key in declared and is_admissible(KEYS[key], declared[key]):
            parameters.target_max_recv_data_segment_length = text.parse_number(
                declared[key]
            )
        return LoginResult(
            parameters=parameters,
            numbers=CommandNumbers(
                cmd_sn=self.options.cmd_sn,
                exp_cmd_sn=last.exp_cmd_sn,
                max_cmd_sn=last.max_cmd_sn,
            ),
            status=self.exchange.status,
            tsih=last.tsih,
            declared=declared,
            results=results,
            response=last,
        )


def _leaves_digests_open(error: NegotiationError) -> bool:
    """Tell whether an answer leaves open which digest the target uses."""
    is_digest = error.key in ("HeaderDigest", "DataDigest")
    return is_digest and error.offered != "None" and error.answered is not None


def _required(pairs: Mapping[str, str], key: str) -> str:
    if key not in pairs:
        is_challenge = key in ("CHAP_A", "CHAP_I", "CHAP_C")
        raise NegotiationError(
            f"the target sent no {key}",
            key=key,
            requirement=_CHALLENGE if is_challenge else _PROOF,
        )
    return pairs[key]


def log_in(connection: Connection, options: LoginOptions) -> LoginResult:
    """Run the whole login phase and enable the connection's digests.

    Raises:
        LoginRefused: the target answered with a Status-Class other than 0.
        PeerError, NegotiationError, DecodeError: it broke a rule, and the login cannot
            continue or the rule is judged (`initiator.slips`).
        ConnectionLost, PeerTimeout: the connection ended, or no answer came in time.
    """
    result = _Phase(connection, options).run()
    connection.digests = result.parameters.digests
    return result
