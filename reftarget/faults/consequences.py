# SPDX-License-Identifier: GPL-2.0-only
"""What a fault breaks besides the requirement that it is named for, by the same act."""

from collections.abc import Mapping
from types import MappingProxyType

CONSEQUENCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "command-runs-before-the-gap-is-filled": (
            "RFC7143-4.2.2.1-10",
            "RFC7143-4.2.2.1-15",
        ),
        "stat-sn-stands-still": ("RFC7143-4.2.2.2-04",),
        "data-in-data-sn-from-one": ("RFC7143-4.2.2.4-01",),
        "data-in-beyond-max-recv-data-segment": ("RFC7143-13.12-i01",),
        "data-in-never-final": ("RFC7143-11.7.1-03",),
        "tmf-unanswered": ("RFC7143-4.2.2.1-04", "RFC7143-4.2.2.1-06"),
        "tmf-always-complete": (
            "RFC7143-7.2.2-07",
            "RFC7143-7.2.2-08",
            "RFC7143-7.11-04",
            "RFC7143-11.6.1-i04",
        ),
        "reject-unsaid": (
            "RFC7143-4.2.4-06",
            "RFC7143-4.3-01",
            "RFC7143-6.4-10",
            "RFC7143-7.8-02",
            "RFC7143-11.2.1.2-i01",
            "RFC7143-11.14.1-i01",
            "RFC7143-11.17.1-i01",
            "RFC7143-11.17.3-i01",
        ),
        "number-unanswered": ("RFC7143-6.2.2-03", "RFC7143-6.1-i02"),
        "boolean-unanswered": ("RFC7143-6.2.2-07",),
        "max-burst-above-offer": ("RFC7143-13-i03",),
        "first-burst-above-offer": ("RFC7143-13.14-01",),
        "markers-not-understood": ("RFC7143-6.2-10", "RFC7143-13.25-01"),
        "login-transit-unasked": ("RFC7143-6.3-10", "RFC7143-6.3-13"),
        "login-tsih-is-zero": ("RFC7143-6.3.1-i02",),
        "login-no-portal-group-tag": ("RFC7143-11.13.8-01", "RFC7143-13.9-i01"),
        "login-takes-unknown-tsih": ("RFC7143-6.3.1-i06",),
        "login-takes-repeated-key": ("RFC7143-6.3-14",),
        "isid-rule-is-not-kept": (
            "RFC7143-6.3.5-i01",
            "RFC7143-7.4.2.2-01",
            "RFC7143-7.4.2.2-i01",
        ),
        "max-connections-is-not-kept": ("RFC7143-11.13.5-i03",),
        "chap-takes-any-response": ("RFC7143-9.2-05",),
        "chap-takes-reflected-challenge": ("RFC7143-9.2.1-15",),
        "data-digest-is-not-checked": ("RFC7143-7.8-04",),
        "residual-left-out": ("RFC7143-11.4.5.3-02", "RFC7143-11.4.5.3-03"),
        "sense-left-out": ("RFC7143-11.4.7-01",),
        "tmf-response-with-data": ("RFC7143-11.2.1.6-01",),
        "logout-unanswered": ("RFC7143-8.1.2-i07",),
        "send-targets-all-on-normal-session": ("RFC7143-C-05",),
        "exp-cmd-sn-late": ("RFC7143-11.16-03", "RFC7143-11.16-06"),
        "header-digest-is-wrong": ("RFC7143-13.1-01",),
        "registration-ends-with-its-nexus": ("RFC7143-E.2-i02",),
        "reservation-key-is-not-checked": (
            "SPC4-5.12.7-04",
            "SPC4-5.12.11.2.2-04",
            "SPC4-5.12.11.2.4-04",
            "SPC4-5.12.11.2.7-03",
        ),
        "reservation-changes-are-not-told": (
            "SPC4-5.12.11.2.3-03",
            "SPC4-5.12.11.2.4-07",
            "SPC4-5.12.11.2.4-08",
            "SPC4-5.12.11.2.7-02",
        ),
        "register-changes-nothing": ("SPC4-5.12.7-03", "SPC4-5.12.11.2.3-01"),
        "reserve-changes-nothing": ("SPC4-6.15.3-01", "SPC4-5.12.9-04"),
        "preempt-changes-nothing": ("SPC4-5.12.11.2.4-02", "SPC4-5.12.11.2.4-06"),
        "register-and-move-changes-nothing": ("SPC4-5.12.8-04",),
    }
)
"""Requirements by the fault's name; a check of each must notice it."""
