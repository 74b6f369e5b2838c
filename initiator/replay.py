# SPDX-License-Identifier: GPL-2.0-only
"""Sends the PDUs of a bundle to a target and reports answers that differ.

Values that the target chooses are carried over: TSIH, StatSN, Target Transfer Tags,
CHAP challenges. Target name and LUN are replaced by those of this target. Right digests
are computed again, and wrong ones stay wrong.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from initiator import bundle
from initiator.bundle import Bundle, Event
from initiator.connection import Connection
from initiator.core import advances_stat_sn, lun_field
from initiator.describe import describe
from initiator.expect import is_own_ping
from initiator.ready import Ready
from initiator.transcript import Transcript
from iscsi import chap, serial, text
from iscsi.address import TargetURL
from iscsi.constants import RESERVED_TAG, LoginStatus, Stage
from iscsi.errors import ConnectionLost, DecodeError, ISCSIError, PeerTimeout
from iscsi.framing import Digests
from iscsi.pdu import PDU, LoginRequest, LoginResponse, SCSIResponse
from iscsi.printable import printable
from iscsi.scsi import sense
from iscsi.scsi.sense import SenseKey
from iscsi.scsi.status import SCSIStatus

ANSWER_SECONDS = 5.0
"""How long to wait for an answer that came in the recording."""

_AT_ONCE = 0.02
"""The seconds to wait for PDUs that have arrived already."""

_MOST_DRAINED = 256
"""The maximum number of PDUs that are read at the end."""

_CARRIED = frozenset({"stat_sn", "tsih", "target_transfer_tag", "lun", "max_cmd_sn"})
"""Fields of an answer that a target chooses, or that follow from its choices."""

_LAYOUT = frozenset({"data_segment_length", "total_ahs_length", "padding"})
"""Fields that follow from other compared ones."""

_UNLIKE = {"InitiatorAlias", "TargetAlias", "TargetAddress"} | {
    f"CHAP_{letter}" for letter in "CINR"
}
"""Keys whose values differ from target to target and from time to time."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that differs from the recorded one."""

    event: int
    """The number of the event in the bundle."""
    what: str
    """The field, or the event that happened instead."""
    recorded: str
    now: str

    def __str__(self) -> str:
        return printable(
            f"event {self.event}: {self.what}: recorded {self.recorded}, now {self.now}"
        )


@dataclass(slots=True)
class _Channel:
    """One connection of the recording and its live counterpart."""

    live: Connection
    next_stat_sns: tuple[int, int] | None = None
    """The next StatSN in the recording, and the next one of the replay."""
    challenge: dict[str, str] = field(default_factory=dict)
    """The CHAP challenge of this login."""
    is_silent: bool = False
    """Whether an answer has not come."""


@dataclass(slots=True)
class Replay:
    """The result of a replay."""

    differences: list[Difference]
    transcript: Transcript


def replay(
    recorded: Bundle, target: TargetURL, *, seconds: float = ANSWER_SECONDS
) -> Replay:
    """Send the PDUs of a bundle to a target.

    Args:
        recorded: the bundle.
        target: the target.
        seconds: the time limit of each answer.

    Raises:
        ConnectionLost: no program listens there.
        PeerTimeout: no answer came in time.
    """
    player = Player(recorded, target, seconds)
    for number, event in enumerate(recorded.events):
        player.play(number, event)
    player.close()
    return Replay(player.differences, player.transcript)


class Player:
    """Plays the events of a recording one by one.

    Attributes:
        differences: the answers that differ from the recorded ones.
        transcript: the transcript.
    """

    def __init__(
        self,
        recorded: Bundle,
        target: TargetURL,
        seconds: float,
        *,
        gives_up: bool = True,
        login_seconds: float = 0.0,
    ) -> None:
        """Begin with no connection open.

        Args:
            recorded: the recording, with its target's name and unit.
            target: the target.
            seconds: the time limit of each answer.
            gives_up: whether a missing answer ends its connection, and answers are
                compared; else the replay continues, with very short waits from then on.
            login_seconds: the time limit of a Login Response, if it is longer.
        """
        self._recorded = recorded
        self._target = target
        self._seconds = seconds
        self._gives_up = gives_up
        self._login_seconds = max(seconds, login_seconds)
        self._channels: dict[int, _Channel] = {}
        self._tags: dict[int, int] = {}
        self._handles: dict[int, int] = {}
        self.differences: list[Difference] = []
        self.transcript = Transcript()

    def play(self, number: int, event: Event) -> None:
        """Carry out an event."""
        if event.kind == bundle.OPENED:
            live = Connection(
                self._target.portal, self.transcript, timeout=self._seconds
            )
            live.cut = self._recorded.cut
            self._channels[event.connection] = _Channel(live)
            return
        channel = self._channels.get(event.connection)
        if channel is None:
            return
        steps: dict[str, Callable[[], object]] = {
            bundle.SENT: lambda: self._send(channel, event),
            bundle.RAW: lambda: channel.live.send_bytes(bytes.fromhex(event.raw)),
            bundle.RECEIVED: lambda: self._receive(channel, number, event),
            bundle.LOST: lambda: self._lose(channel, number),
            bundle.CLOSED: channel.live.close,
            bundle.RESET: channel.live.reset,
            bundle.HALF_CLOSED: channel.live.shutdown_write,
        }
        # The end is reported where an answer is expected.
        with suppress(ConnectionLost):
            steps[event.kind]()

    def drain(self) -> None:
        """Receive the PDUs that have arrived without an event that waits for them."""
        for channel in self._channels.values():
            with suppress(ConnectionLost, PeerTimeout, DecodeError):
                for _ in range(_MOST_DRAINED):
                    channel.live.receive(_AT_ONCE)

    def close(self) -> None:
        """Close the open connections."""
        for channel in self._channels.values():
            channel.live.close()

    # Sending ---------------------------------------------------------------------

    def _send(self, channel: _Channel, event: Event) -> None:
        pdu = event.pdu
        names = {field.name for field in pdu.fields_desc}
        changes: dict[str, Any] = {}
        if "exp_stat_sn" in names and channel.next_stat_sns is not None:
            recorded_sn, received_sn = channel.next_stat_sns
            ahead = serial.distance(recorded_sn, pdu.exp_stat_sn)
            changes["exp_stat_sn"] = serial.add(received_sn, ahead)
        if "target_transfer_tag" in names:
            tag = pdu.target_transfer_tag
            changes["target_transfer_tag"] = self._tags.get(tag, tag)
        if "lun" in names and pdu.lun == lun_field(self._recorded.lun):
            changes["lun"] = lun_field(self._target.lun or 0)
        header, data = bytes.fromhex(event.header), bytes.fromhex(event.data)
        if isinstance(pdu, LoginRequest):
            changes["tsih"] = self._handles.get(pdu.tsih, pdu.tsih)
        changed = {
            name: value for name, value in changes.items() if value != pdu.fields[name]
        }
        if changed:
            resent = event.pdu
            for name, value in changed.items():
                setattr(resent, name, value)
            # Only these fields change, even if the rest of the PDU is invalid.
            header = resent.segments()[0]
        login_text = self._login_text(channel, pdu)
        if login_text is not None:
            header = header[:5] + len(login_text).to_bytes(3, "big") + header[8:]
            data = login_text + bytes(-len(login_text) % 4)
        channel.live.send(
            Ready(header, data),
            header_digest=_digest(event.header_digest),
            data_digest=_digest(event.data_digest),
        )

    def _login_text(self, channel: _Channel, pdu: PDU) -> bytes | None:
        """Return the login text for this target and its CHAP; None if unchanged."""
        if not isinstance(pdu, LoginRequest):
            return None
        try:
            pairs = text.decode(bytes(pdu.data))
        except DecodeError:
            return None
        replaced = [(name, self._value(channel, name, value)) for name, value in pairs]
        return None if replaced == pairs else text.encode(replaced)

    def _value(self, channel: _Channel, name: str, value: str) -> str:
        if name == "TargetName" and value == self._recorded.target_name:
            return self._target.name
        secrets = self._target.chap
        if secrets is None:
            return value
        if name == "CHAP_N":
            return secrets.credentials.name
        if name == "CHAP_R" and channel.challenge:
            fields = channel.challenge
            with suppress(KeyError, ISCSIError):
                challenge = chap.parse_challenge(
                    fields["CHAP_A"], fields["CHAP_I"], fields["CHAP_C"]
                )
                return "0x" + challenge.respond(secrets.credentials.secret).hex()
        return value

    # Receiving -------------------------------------------------------------------

    def _receive(self, channel: _Channel, number: int, event: Event) -> None:
        recorded = event.pdu
        if not channel.live.is_open:
            return  # the end of the connection has been reported already
        is_login = isinstance(recorded, LoginResponse)
        seconds = self._login_seconds if is_login else self._seconds
        if channel.is_silent:
            seconds = _AT_ONCE
        try:
            received = channel.live.receive(seconds)
            while is_own_ping(received) and not is_own_ping(recorded):
                received = channel.live.receive(seconds)
        except PeerTimeout as error:
            if not self._gives_up:
                channel.is_silent = True
                return
            self._differ(number, "answer", describe(recorded), str(error))
            channel.live.close()
            return
        except (ConnectionLost, DecodeError) as error:
            self._differ(number, "answer", describe(recorded), str(error))
            channel.live.close()
            return
        if self._gives_up:
            self._compare(channel, number, recorded, received)
        self._learn(channel, recorded, received)

    def _lose(self, channel: _Channel, number: int) -> None:
        if channel.live.is_open and not channel.live.wait_closed(self._seconds):
            self._differ(number, "connection", "closed by the target", "still open")

    def _compare(
        self, channel: _Channel, number: int, recorded: PDU, received: PDU
    ) -> None:
        if _reports_unit_attention(recorded) and _may_follow_unit_attention(received):
            return
        if type(recorded) is not type(received):
            self._differ(number, "answer", describe(recorded), describe(received))
            return
        names = [
            field.name
            for field in recorded.fields_desc
            if field.name not in _CARRIED | _LAYOUT | {"data"}
        ]
        for name in names:
            was, now = getattr(recorded, name), getattr(received, name)
            if was != now:
                self._differ(number, name, _shown(was), _shown(now))
        if "target_transfer_tag" in recorded.fields:
            was, now = (
                one.target_transfer_tag == RESERVED_TAG for one in (recorded, received)
            )
            if was != now:
                self._differ(
                    number, "target_transfer_tag", *map(_reserved_or_not, (was, now))
                )
        self._compare_stat_sn(channel, number, recorded, received)
        self._compare_data(number, recorded, received)

    def _compare_stat_sn(
        self, channel: _Channel, number: int, recorded: PDU, received: PDU
    ) -> None:
        if channel.next_stat_sns is None or "stat_sn" not in recorded.fields:
            return
        recorded_sn, received_sn = channel.next_stat_sns
        was = serial.distance(recorded_sn, recorded.stat_sn)
        now = serial.distance(received_sn, received.stat_sn)
        if was != now:
            self._differ(
                number, "stat_sn", f"{was:+d} from expected", f"{now:+d} from expected"
            )

    def _compare_data(self, number: int, recorded: PDU, received: PDU) -> None:
        was, now = bytes(recorded.data), bytes(received.data)
        with suppress(DecodeError, AttributeError):
            if "Login" in type(received).__name__ or "Text" in type(received).__name__:
                for name, value in _unlike(text.decode(was), text.decode(now)):
                    self._differ(number, name, *value)
                return
        if was != now:
            self._differ(number, "data", _shown(was), _shown(now))

    def _learn(self, channel: _Channel, recorded: PDU, received: PDU) -> None:
        """Take over the values that the target has chosen."""
        if "target_transfer_tag" in recorded.fields and hasattr(
            received, "target_transfer_tag"
        ):
            tag = recorded.target_transfer_tag
            if tag != RESERVED_TAG:
                self._tags[tag] = received.target_transfer_tag
        if "stat_sn" in recorded.fields and hasattr(received, "stat_sn"):
            channel.next_stat_sns = _next_stat_sn(recorded), _next_stat_sn(received)
        if isinstance(recorded, LoginResponse) and isinstance(received, LoginResponse):
            if recorded.tsih:
                self._handles[recorded.tsih] = received.tsih
            with suppress(DecodeError):
                pairs = text.decode(bytes(received.data))
                channel.challenge.update(
                    (name, value) for name, value in pairs if name.startswith("CHAP_")
                )
            if received.status == LoginStatus.SUCCESS and received.transit:
                self._begin_digests(channel, received)

    def _begin_digests(self, channel: _Channel, response: LoginResponse) -> None:
        """Enable the agreed digests in full-feature phase."""
        if response.nsg != Stage.FULL_FEATURE:
            return
        agreed: dict[str, str] = {}
        for pdu in self.transcript.received():
            if isinstance(pdu, LoginResponse):
                with suppress(DecodeError):
                    agreed.update(text.decode(bytes(pdu.data)))
        channel.live.digests = Digests(
            header=agreed.get("HeaderDigest") == "CRC32C",
            data=agreed.get("DataDigest") == "CRC32C",
        )

    def _differ(self, number: int, what: str, recorded: str, now: str) -> None:
        self.differences.append(Difference(number, what, recorded, now))


def _reserved_or_not(is_reserved: bool) -> str:
    return "0xffffffff" if is_reserved else "a tag"


def _digest(recorded: str) -> bool | bytes:
    if recorded == bundle.RIGHT:
        return True
    return bytes.fromhex(recorded) if recorded else False


def _next_stat_sn(pdu: PDU) -> int:
    """Return the StatSN that follows a PDU."""
    return serial.add(pdu.stat_sn, 1) if advances_stat_sn(pdu) else int(pdu.stat_sn)


def _reports_unit_attention(pdu: PDU) -> bool:
    """Tell whether a PDU reports a unit attention, for an event before the replay."""
    if not isinstance(pdu, SCSIResponse) or pdu.status != SCSIStatus.CHECK_CONDITION:
        return False
    with suppress(DecodeError):
        return sense.read(pdu.sense)[0].key == SenseKey.UNIT_ATTENTION
    return False


def _may_follow_unit_attention(pdu: PDU) -> bool:
    """Tell whether a PDU may replace a unit attention: another one, or GOOD."""
    is_good = isinstance(pdu, SCSIResponse) and pdu.status == SCSIStatus.GOOD
    return is_good or _reports_unit_attention(pdu)


def _unlike(was: text.Pairs, now: text.Pairs) -> list[tuple[str, tuple[str, str]]]:
    """Return the keys whose values differ, with both values."""
    old, new = dict(was), dict(now)
    names = [name for name in {**old, **new} if name not in _UNLIKE]
    return [
        (name, (old.get(name, "not said"), new.get(name, "not said")))
        for name in names
        if old.get(name) != new.get(name) and name != "TargetName"
    ]


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes {value[:16].hex(' ')}" + (
            " ..." if len(value) > 16 else ""
        )
    return f"{value:#x}" if isinstance(value, int) else str(value)
