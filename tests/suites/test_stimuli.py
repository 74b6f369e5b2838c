# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Iterable

import pytest

from iscsi.constants import BHS_LENGTH
from iscsi.headers.layout import field_bits
from iscsi.pdu import PDU, decode
from suites.support.hostile_commands import (
    READING,
    altered_lists,
    answers,
    cuts,
    lists,
    opcodes,
)
from suites.support.hostile_text import algorithms, malformed_texts, responses, values
from suites.support.place import PDUS
from suites.support.stimuli import (
    Stimulus,
    ahs_shapes,
    asks_for_reset,
    claims,
    data_lengths,
    field_values,
    names_of_fields,
)

KINDS = [(kind, layer) for kind, (layer, _) in PDUS.items()]
TRUE = bytes(range(BHS_LENGTH)), b"data"
CDB = slice(32, 48)


@pytest.mark.parametrize(("kind", "layer"), KINDS)
def test_each_bit_of_a_header_is_changed(kind: str, layer: type[PDU]) -> None:
    changed = 0
    for name in names_of_fields(layer):
        for stimulus in field_values(kind, layer, name):
            header, data = stimulus.change(TRUE)
            assert len(header) == BHS_LENGTH
            assert data == TRUE[1]
            changed |= int.from_bytes(header, "big") ^ int.from_bytes(TRUE[0], "big")

    assert changed == (1 << 8 * BHS_LENGTH) - 1


@pytest.mark.parametrize(("kind", "layer"), KINDS)
def test_a_field_alone_is_changed(kind: str, layer: type[PDU]) -> None:
    header_bits = int.from_bytes(TRUE[0], "big")
    for name, bits in field_bits(layer).items():
        mask = ((1 << bits.width) - 1) << BHS_LENGTH * 8 - bits.end
        for stimulus in field_values(kind, layer, name):
            header, _ = stimulus.change(TRUE)
            assert (int.from_bytes(header, "big") ^ header_bits) & ~mask == 0


def test_one_less_and_one_more_than_true_are_tried() -> None:
    layer = PDUS["NOPOut"][0]
    data = {
        int.from_bytes(stimulus.change(TRUE)[0][24:28], "big")
        for stimulus in field_values("NOPOut", layer, "cmd_sn")
    }

    true = int.from_bytes(TRUE[0][24:28], "big")
    assert {0, 1, true - 1, true + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF} <= data


def test_additional_header_segments_fill_what_their_total_length_says() -> None:
    for stimulus in ahs_shapes("NOPOut"):
        header, _ = stimulus.change(TRUE)
        assert len(header) == BHS_LENGTH + 4 * header[4], stimulus.name


def test_segments_of_additional_headers_are_of_all_lengths() -> None:
    words = {stimulus.change(TRUE)[0][4] for stimulus in ahs_shapes("NOPOut")}

    assert {1, 2, 16, 63, 64, 127, 128, 254, 255} <= words


def test_many_small_segments_are_decoded() -> None:
    header = TRUE[0][:4] + b"\xff" + bytes(43) + b"\0\0\x01\0" * 255

    assert len(decode(header, b"").ahs) == 255


def test_lengths_lie_in_both_directions() -> None:
    changes = [stimulus.change(TRUE) for stimulus in data_lengths("NOPOut")]
    reported = [claims(header) - BHS_LENGTH - 4 * header[4] for header, _ in changes]
    sent = [len(data) for _, data in changes]

    assert any(a > b for a, b in zip(reported, sent, strict=True))
    assert any(a < b for a, b in zip(reported, sent, strict=True))
    assert max(reported) == 1 << 24


def test_resets_of_the_target_are_known_by_their_bytes() -> None:
    assert asks_for_reset(b"\x42\x86" + bytes(46))
    assert asks_for_reset(b"\x02\x07" + bytes(46))
    assert not asks_for_reset(b"\x42\x85" + bytes(46))
    assert not asks_for_reset(b"\x43\x87" + bytes(46))


@pytest.mark.parametrize(
    "stimuli", [malformed_texts("Text"), values("Text"), responses(), algorithms()]
)
def test_texts_say_their_true_length(stimuli: Iterable[Stimulus]) -> None:
    for stimulus in stimuli:
        header, data = stimulus.change(TRUE)
        assert claims(header) - 4 * header[4] == BHS_LENGTH + len(data), stimulus.name


def test_no_command_writes_where_nothing_is_lent() -> None:
    for first in range(0, 256, 16):
        for stimulus in opcodes(first, may_overwrite=False):
            header, data = stimulus.change(TRUE)
            assert header[CDB][0] in READING
            assert not data


def test_a_unit_is_never_stopped() -> None:
    matches = {
        stimulus.change(TRUE)[0][CDB][0]
        for first in range(0, 256, 16)
        for stimulus in opcodes(first, may_overwrite=True)
    }

    assert matches == set(range(256)) - {0x1B}


def test_an_answer_is_cut_at_every_length_up_to_40() -> None:
    words, body, place, size = next(one for one in answers() if one[0] == "INQUIRY")
    data = {
        int.from_bytes(stimulus.change(TRUE)[0][CDB][place : place + size], "big")
        for stimulus in cuts(words, body, place, size)
    }

    assert set(range(41)) | {255, 256, 0xFFFF} <= data


@pytest.mark.parametrize("words", lists())
def test_a_list_is_cut_and_lied_about(words: str) -> None:
    _, _, _, right = lists()[words]
    sent = [stimulus.change(TRUE)[1] for stimulus in altered_lists(words)]

    assert b"" in sent
    assert right + bytes(-len(right) % 4) in sent
    assert len({bytes(one) for one in sent}) > 8
