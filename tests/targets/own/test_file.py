# SPDX-License-Identifier: GPL-2.0-only
"""Target files: their keys, the errors in them, and the resulting targets."""

from pathlib import Path

import pytest

from targets import Chap, Credentials, LogicalUnit, Portal, TargetSpecError, parse
from targets.model import FEATURES, Identity, Limits, Special
from targets.own import OwnProvider
from targets.own.offers import Offer, offer_of

_UNIT_CHANGES = frozenset({"add-unit", "remove-unit", "resize-unit", "write-protect"})
_NAME = "iqn.2001-04.com.example:disk"
_LEAST = f"""
label = "a box"
[[portal]]
address = "127.0.0.1"
[[target]]
name = "{_NAME}"
"""
_ALL = """
label = "Acme Box"
version = "7.1"
deviations_of = "istgt"
own_kernel = true
sends_architecture = true
[[portal]]
address = "192.0.2.1:3261"
group = 3
known_as = "10.0.0.1:3260"
[[portal]]
address = "[2001:db8::1]"
group = 3
[[portal]]
address = "box.example"
group = 4
[[target]]
name = "iqn.2001-04.com.example:chap"
[target.chap]
user = "us"
secret = "s3cret-of-ours"
mutual_user = "them"
mutual_secret = "s3cret-of-theirs"
[[target.identity]]
user = "one"
secret = "s3cret-of-one"
[[target.identity]]
user = "two"
secret = "s3cret-of-two"
initiator = "iqn.2001-04.com.example:two"
[[target]]
name = "iqn.2001-04.com.example:first"
alias = "the first"
[[target.unit]]
lun = 0
size = "64M"
[[target.unit]]
lun = 1
size = 1048576
may_be_written = true
removable = true
thin = true
keeps_data = false
[[target.unit]]
lun = 2
read_only = true
may_be_written = true
[[target.unit]]
lun = 3
size = "5G"
may_be_written = true
[[target]]
name = "iqn.2001-04.com.example:second"
no_lun_0 = true
[[target.unit]]
lun = 9
[discovery.chap]
user = "finder"
secret = "s3cret-to-find"
mutual_user = "found"
mutual_secret = "s3cret-of-found"
[special]
forbidden = "iqn.2001-04.com.example:forbidden"
moved = "iqn.2001-04.com.example:moved"
moved_for_good = "iqn.2001-04.com.example:gone"
guarded = "iqn.2001-04.com.example:guarded"
pinging = "iqn.2001-04.com.example:pinging"
[limits]
answer = 10
check = 120.5
wait = 300
"""


def described(folder: Path, text: str) -> OwnProvider:
    """Return the provider of a file with this text."""
    path = folder / "box.toml"
    path.write_text(text, encoding="utf-8")
    parsed = parse(str(path))
    assert isinstance(parsed, OwnProvider)
    return parsed


def offered(folder: Path, text: str) -> Offer:
    provider = described(folder, text)
    return offer_of(provider.file, provider.hooks)


def test_a_name_and_a_portal_are_enough(tmp_path: Path) -> None:
    provider = described(tmp_path, _LEAST)
    offer = offer_of(provider.file, provider.hooks)

    assert provider.is_shared
    assert provider.deviations_of is None
    assert provider.limits == Limits()
    assert offer.portals == (Portal("127.0.0.1", 3260),)
    assert [target.name for target in offer.targets] == [_NAME]
    assert offer.features == set()


def test_all_that_a_file_can_say_is_taken(tmp_path: Path) -> None:
    provider = described(tmp_path, _ALL)
    offer = offer_of(provider.file, provider.hooks)

    assert provider.deviations_of == "istgt"
    assert provider.limits == Limits(10, 120.5, 300)
    assert offer.portals == (
        Portal("192.0.2.1", 3261, 3),
        Portal("2001:db8::1", 3260, 3),
    )
    assert offer.other_portals == (Portal("box.example", 3260, 4),)
    # The names without CHAP come first, as the checks expect.
    first, second, guarded = offer.targets
    assert [first.name[-5:], second.name[-6:]] == ["first", "second"]
    assert first.logical_units == (
        LogicalUnit(0, 64 << 20, persistent=True),
        LogicalUnit(1, 1 << 20, scratch=True, removable=True, thin=True),
        LogicalUnit(2, None, writable=False, scratch=True, persistent=True),
        LogicalUnit(3, 5 << 30, scratch=True, persistent=True),
    )
    assert guarded.chap == Chap(
        Credentials("us", b"s3cret-of-ours"), Credentials("them", b"s3cret-of-theirs")
    )
    assert guarded.identities == (
        Identity(Credentials("one", b"s3cret-of-one")),
        Identity(Credentials("two", b"s3cret-of-two"), "iqn.2001-04.com.example:two"),
    )
    assert offer.discovery_chap == Chap(
        Credentials("finder", b"s3cret-to-find"),
        Credentials("found", b"s3cret-of-found"),
    )
    assert offer.special[Special.ALIAS] == "the first"
    assert offer.special[Special.GUARDED].endswith(":guarded")
    # The hooks have tests of their own.
    lacking = {"restart", "power-cycle", "operator", "access-states", *_UNIT_CHANGES}
    assert set(offer.remedies) == lacking
    assert offer.features <= set(FEATURES)
    assert not any("s3cret" in repr(one) for one in (provider, offer))


def test_what_is_missing_names_the_words_that_would_give_it(tmp_path: Path) -> None:
    offer = offered(tmp_path, _LEAST)

    assert set(offer.remedies) <= set(FEATURES)
    assert offer.remedies["acl"] == (
        "`forbidden` in [special] in box.toml would change that"
    )
    assert "may_be_written = true" in offer.remedies["writes"]


@pytest.mark.parametrize("lines", ["read_only = true", "may_be_written = false", ""])
def test_a_unit_that_is_not_lent_is_never_written(tmp_path: Path, lines: str) -> None:
    offer = offered(tmp_path, f"{_LEAST}[[target.unit]]\nlun = 0\n{lines}\n")

    assert not offer.features & {"writes", "read-only-lun"}
    assert offer.targets[0].find_scratch() is None
    assert offer.targets[0].find_protected() is None


def test_a_protected_unit_that_is_lent_is_for_its_own_checks(tmp_path: Path) -> None:
    unit = "[[target.unit]]\nlun = 0\nread_only = true\nmay_be_written = true\n"
    offer = offered(tmp_path, _LEAST + unit)

    assert "read-only-lun" in offer.features
    assert "writes" not in offer.features
    assert offer.targets[0].find_scratch() is None


def test_the_habits_of_the_kind_hold(tmp_path: Path) -> None:
    lio = described(tmp_path, f'deviations_of = "lio"\n{_LEAST}')

    assert "one-login-at-a-time" in lio.traits


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("label = ", "the file is not TOML"),
        (f"lable = 1\n{_LEAST}", "contains unknown field `lable`"),
        (_LEAST.replace('"a box"', "7"), "label: Expected `str`, got `int`"),
        (_LEAST.replace('"a box"', r'"\u001b[2J"'), "visible characters"),
        ('label = "x"', "missing required field `portal`"),
        ('label = "x"\nportal = []\ntarget = []', "portal: give at least one"),
        (_LEAST.replace("127.0.0.1", "127.0.0.1:0"), "portal 1: the port '0'"),
        (_LEAST.replace(_NAME, "disk"), "target 1: the name 'disk' must begin with"),
        (_LEAST.replace(_NAME, _NAME + "x" * 223), "more than 223 bytes"),
        (f'deviations_of = "acme"\n{_LEAST}', "unknown kind 'acme'; valid: reference"),
        (f'deviations = "gone.toml"\n{_LEAST}', "deviations: there is no file"),
        (f"{_LEAST}[[target.unit]]\nlun = -1", "target 1.unit 1: the LUN -1"),
        (f'{_LEAST}[[target.unit]]\nlun = 0\nsize = "64X"', "the size '64X' is no"),
        (f"{_LEAST}[[target.unit]]\nlun = 0\nlook = 1", "unknown field `look`"),
        (f"{_LEAST}unit = [{{lun = 1}}, {{lun = 1}}]", "the LUN 1 appears twice"),
        (f"{_LEAST}no_lun_0 = true", "no_lun_0 needs a"),
        (f"{_LEAST}no_lun_0 = true\nunit = [{{lun = 0}}]", "no_lun_0 needs a"),
        (f'{_LEAST}[target.chap]\nuser = "u"', "missing required field `secret`"),
        (f'{_LEAST}[target.chap]\nuser = "u"\nsecret = 5', "target 1.chap.secret"),
        (f'{_LEAST}[special]\nmoved = "x"', "special: the name 'x'"),
        (f"{_LEAST}[limits]\nwait = -1", "limits: -1 is not a number of seconds"),
        (f'{_LEAST}[[target]]\nname = "{_NAME}"', "appears twice"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(TargetSpecError) as caught:
        described(tmp_path, text)

    assert complaint in str(caught.value)
    assert "box.toml: " in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(TargetSpecError, match=r"box\.toml: No such file"):
        parse(str(tmp_path / "box.toml"))


def test_a_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_bytes(b"\xff\xfe\0")

    with pytest.raises(TargetSpecError, match="not UTF-8 text"):
        parse(str(path))


def test_a_secret_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    provider = described(tmp_path, _ALL)
    provider.path.chmod(0o644)
    assert "chmod 600" in "".join(provider.warnings)
    provider.path.chmod(0o600)
    assert provider.warnings == ()

    harmless = described(tmp_path, _LEAST)
    harmless.path.chmod(0o644)
    assert harmless.warnings == ()
