# SPDX-License-Identifier: GPL-2.0-only
"""CHECK CONDITION as an exception that handlers raise."""

from iscsi.scsi.sense import AdditionalSense, FieldPointer, Sense, SenseKey


class CheckCondition(Exception):
    """The command ends with CHECK CONDITION and this sense data.

    The device server turns it into an Outcome in the format that D_SENSE asks for;
    it may be raised by a handler and by the finish of a DataOutNeeded.
    """

    def __init__(self, sense: Sense) -> None:
        super().__init__(sense)
        self.sense = sense


def invalid_field_in_cdb(byte: int, bit: int | None = None) -> CheckCondition:
    """Return the objection to a field of the CDB."""
    return CheckCondition(
        Sense.of(
            SenseKey.ILLEGAL_REQUEST,
            AdditionalSense.INVALID_FIELD_IN_CDB,
            field_pointer=FieldPointer(byte, bit),
        )
    )


def invalid_field_in_parameter_list(
    byte: int, bit: int | None = None
) -> CheckCondition:
    """Return the objection to a field of the parameter list."""
    return CheckCondition(
        Sense.of(
            SenseKey.ILLEGAL_REQUEST,
            AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST,
            field_pointer=FieldPointer(byte, bit, in_cdb=False),
        )
    )


def parameter_list_length_error() -> CheckCondition:
    """Return the objection to a parameter list of the wrong length."""
    return illegal_request(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR)


def illegal_request(additional: AdditionalSense) -> CheckCondition:
    """Return an ILLEGAL REQUEST without a field pointer."""
    return CheckCondition(Sense.of(SenseKey.ILLEGAL_REQUEST, additional))


def condition(key: SenseKey, additional: AdditionalSense) -> CheckCondition:
    """Return a CHECK CONDITION that carries no more than its codes."""
    return CheckCondition(Sense.of(key, additional))
