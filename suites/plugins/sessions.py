# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures by the life of a connection: portal, connection, login, session, disk."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from initiator.connection import Connection, Portal
from initiator.core import DISCOVERY_BEGINS_ANYWHERE
from initiator.login import LoginExchange, LoginOptions
from initiator.segments import Cut
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi import names
from iscsi.constants import Stage
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from iscsi.scsi.capacity import LAST_LBA_UNKNOWN, Capacity10, Capacity16
from iscsi.text import Pairs
from reports.combinations import CUT
from suites.combining.arrays import Row
from suites.combining.offers import beside
from suites.plugins.options import PROVIDER
from suites.plugins.targets import TestedTarget

TRANSCRIPT = pytest.StashKey[Transcript]()
"""The transcript of one check."""

_DISKS = pytest.StashKey["dict[int, Disk]"]()
"""The logical units by number, once their size is known."""

_DISCOVERY_STAGE = pytest.StashKey[Stage]()

_CHECKS = itertools.count(1)
_CAPACITY = 32
"""Bytes of READ CAPACITY (16) data."""

OpenSession = Callable[..., Session]
NewLogin = Callable[..., LoginExchange]


@dataclass(frozen=True, slots=True)
class Disk:
    """A logical unit that a check may use."""

    lun: int
    block_size: int
    """In bytes."""
    blocks: int


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Transcript:
    """The transcript of this check.

    It keeps CHAP proofs only for a target of the lab, whose secret is public. From the
    proofs of other targets their secrets could be guessed.
    """
    is_foreign = request.config.stash[PROVIDER].is_shared
    recorded: Transcript = request.node.stash.setdefault(
        TRANSCRIPT, Transcript(keeps_proofs=not is_foreign)
    )
    return recorded


@pytest.fixture
def portal(target: TestedTarget) -> Portal:
    """The target's first portal."""
    return target.portal


@pytest.fixture
def options(target: TestedTarget) -> LoginOptions:
    """The options of a plain login to the target's first name.

    The initiator name belongs to this worker alone, the ISID to this check: so a
    session that the target has not ended yet disturbs no other check.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    number = (worker & 0xF) << 16 | next(_CHECKS) & 0xFFFF
    return replace(
        target.options(),
        initiator_name=f"iqn.2026-11.org.iscsi-assay:worker{worker}",
        isid=names.isid(names.ISIDType.RANDOM, 0xA00000 | number, 1),
    )


@pytest.fixture
def connect(
    target: TestedTarget, transcript: Transcript
) -> Iterator[Callable[[], Connection]]:
    """Open TCP connections; they are closed at the end."""
    opened: list[Connection] = []

    def open_one() -> Connection:
        opened.append(Connection(target.portal, transcript, timeout=target.timeout))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Callable[[], Connection]) -> Connection:
    """A TCP connection on which no PDU has been sent."""
    return connect()


@pytest.fixture
def new_login(connect: Callable[[], Connection], options: LoginOptions) -> NewLogin:
    """Start manual logins, each on a connection of its own."""
    qualifiers = itertools.count(0x100)

    def start(**fields: Any) -> LoginExchange:
        values: dict[str, Any] = {
            "isid": options.isid[:4] + next(qualifiers).to_bytes(2, "big"),
            **fields,
        }
        return LoginExchange(connect(), **values)

    return start


@pytest.fixture
def login(new_login: NewLogin) -> LoginExchange:
    """A manual login: a fresh connection, an ISID of its own."""
    return new_login()


@pytest.fixture
def first_pairs(options: LoginOptions) -> list[tuple[str, str]]:
    """The pairs that the first request of a Normal session must carry."""
    if options.credentials is not None:
        pytest.skip("logins by hand need a target name that asks for no CHAP")
    return options.names()


@pytest.fixture
def discovery_pairs(target: TestedTarget, options: LoginOptions) -> Pairs:
    """The pairs that the first request of a Discovery session must carry."""
    if target.running.discovery_chap is not None:
        pytest.skip(
            "not applicable: logins by hand need discovery that asks for no CHAP"
        )
    return replace(options, is_discovery=True, target_name=None).names()


@pytest.fixture
def discovery_stage(
    request: pytest.FixtureRequest, target: TestedTarget, options: LoginOptions
) -> Stage:
    """The stage in which a manual Discovery login begins.

    That is the operational one, unless the target requires the security stage, which is
    tested once in a run.
    """
    stash = request.config.stash
    if _DISCOVERY_STAGE not in stash:
        transcript = Transcript()
        plain = replace(options, is_discovery=True, target_name=None)
        with (
            suppress(ISCSIError),
            Session(
                target.portal, plain, transcript=transcript, timeout=target.timeout
            ),
        ):
            pass
        insists = DISCOVERY_BEGINS_ANYWHERE in transcript.slips.first
        stash[_DISCOVERY_STAGE] = Stage.SECURITY if insists else Stage.OPERATIONAL
    return stash[_DISCOVERY_STAGE]


@pytest.fixture
def opened() -> list[Session]:
    """The sessions that `open_session` has opened, in order."""
    return []


@pytest.fixture
def open_session(
    target: TestedTarget,
    transcript: Transcript,
    options: LoginOptions,
    varied: Row,
    disk_lun: int,
    opened: list[Session],
) -> Iterator[OpenSession]:
    """Open sessions: `open_session({"InitialR2T": "No"}, isid=..., portal=...)`.

    Keys are added to the default offer, and to the keys that `--strength` varies in
    Normal sessions; None leaves a default out. Each further session has an ISID of its
    own. All are logged out at the end.
    """
    qualifiers = itertools.count(1)

    def open_one(
        keys: Mapping[str, str | None] | None = None,
        *,
        lun: int = disk_lun,
        clears_unit_attention: bool = True,
        portal: Portal = target.portal,
        **changes: Any,
    ) -> Session:
        own = keys or {}
        offers = {**options.keys, **beside(varied, own), **own}
        if changes.get("is_discovery"):
            offers = {**options.keys, **own}
            changes = {**target.discovery_credentials(), **changes}
        isid = options.isid[:4] + next(qualifiers).to_bytes(2, "big")
        chosen = replace(
            options,
            **{
                "keys": {k: v for k, v in offers.items() if v is not None},
                "isid": isid,
                **changes,
            },
        )
        session = Session(
            portal,
            chosen,
            transcript=transcript,
            timeout=target.timeout,
            lun=lun,
            cut=Cut(varied.get(CUT, Cut.WHOLE)),
        )
        opened.append(session)
        if clears_unit_attention and not chosen.is_discovery:
            session.clear_unit_attention()
        return session

    yield open_one
    for session in reversed(opened):
        session.end()


@pytest.fixture
def session(open_session: OpenSession) -> Session:
    """A Normal session with the default keys, its unit attentions cleared."""
    return open_session()


@pytest.fixture
def discovery(open_session: OpenSession) -> Session:
    """A Discovery session."""
    return open_session(is_discovery=True, target_name=None)


@pytest.fixture(scope="session")
def disk_lun(target: TestedTarget) -> int:
    """The number of a logical unit: of a writable one if there is one."""
    return target.running.target.default_lun


@pytest.fixture
def disk(request: pytest.FixtureRequest, disk_lun: int) -> Disk:
    """The logical unit of `session`; checks may write only to `scratch_disk`.

    Its size is read once in a run: a session only for that would double the logins of
    most checks.
    """
    disks = request.config.stash.setdefault(_DISKS, {})
    if disk_lun not in disks:
        session: Session = request.getfixturevalue("session")
        result = session.execute(cdb.read_capacity_10(), read=8)
        if not result.is_good:
            pytest.skip(f"READ CAPACITY (10): {result}")
        capacity: Capacity10 | Capacity16 = Capacity10.parse(result.data)
        if capacity.last_lba == LAST_LBA_UNKNOWN:
            command = cdb.read_capacity_16(allocation_length=_CAPACITY)
            result = session.execute(command, read=_CAPACITY)
            if not result.is_good:
                pytest.skip(f"READ CAPACITY (16): {result}")
            capacity = Capacity16.parse(result.data)
        disks[disk_lun] = Disk(
            session.lun, capacity.block_length, capacity.last_lba + 1
        )
    return disks[disk_lun]


@pytest.fixture
def scratch_disk(request: pytest.FixtureRequest, target: TestedTarget) -> Disk:
    """A logical unit whose data may be overwritten."""
    allows_writes = request.config.option.allow_writes
    if "writes" not in target.features and not allows_writes:
        remedy = target.running.remedies.get("writes")
        if remedy:
            pytest.skip(f"not applicable: no unit may be overwritten: {remedy}")
        pytest.skip(
            "writes to the logical unit: give --allow-writes to permit data loss"
        )
    writable: Disk = request.getfixturevalue("disk")
    return writable
