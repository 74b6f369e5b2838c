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
        "data-in-beyond-max-recv-data-segment": ("RFC7143-13.12-i01",),
        "login-takes-unknown-tsih": (
            "RFC7143-6.3.1-i06",
            "RFC7143-11.12.6-04",
            "RFC7143-4.4.3-01",
        ),
        "login-takes-repeated-key": ("RFC7143-6.3-14",),
        "isid-rule-is-not-kept": (
            "RFC7143-6.3.5-i01",
            "RFC7143-7.4.2.2-01",
            "RFC7143-7.4.2.2-i01",
            "RFC7143-6.3.1-i03",
            "RFC7143-7.4.2.1-01",
            "RFC7143-7.4.2.1-05",
            "RFC7143-8.1.2-i06",
            "RFC7143-8.3.2-i05",
            "RFC7143-11.14-i03",
        ),
        "max-connections-is-not-kept": (
            "RFC7143-11.13.5-i03",
            "RFC7143-13.21-i01",
        ),
        "chap-takes-any-response": (
            "RFC7143-9.2-05",
            "RFC7143-6.3.2-05",
        ),
        "chap-takes-reflected-challenge": ("RFC7143-9.2.1-15",),
        "data-digest-is-not-checked": ("RFC7143-7.8-04",),
        "send-targets-all-on-normal-session": ("RFC7143-C-05",),
        "header-digest-is-wrong": ("RFC7143-13.1-01",),
        "response-fence-is-not-raised": (
            "RFC7143-4.2.2.3.2-01",
            "RFC7143-4.2.2.3.3-01",
            "RFC7143-4.2.2.3.4-02",
            "RFC7143-4.2.3.3-12",
            "RFC7143-4.2.3.3-14",
            "RFC7143-4.2.3.4-16",
            "RFC7143-4.2.3.4-19",
            "RFC7143-11.6.1-04",
        ),
        "response-fence-ends-when-it-is-passed": (
            "RFC7143-4.2.2.3.2-02",
            "RFC7143-4.2.2.3.3-05",
        ),
        "response-fence-lets-unit-attentions-pass": (
            "RFC7143-4.2.3.3-13",
            "RFC7143-4.2.3.4-17",
            "RFC7143-4.2.3.6-01",
        ),
        "lun-reset-leaves-tasks": (
            "RFC7143-4.2.3.3-01",
            "RFC7143-4.2.3.3-11",
        ),
        "tmf-waits-for-gaps-of-third-parties": ("RFC7143-4.2.3.4-09",),
        "reinstatement-is-refused-below-level-2": (
            "RFC7143-6.3.1-i05",
            "RFC7143-6.3.4-02",
            "RFC7143-6.3.4-03",
        ),
        "login-takes-key-of-other-stage": (
            "RFC7143-12-01",
            "RFC7143-13-i01",
            "RFC7143-13.3-i01",
            "RFC7143-6.3.3-i01",
        ),
        "login-has-no-end-of-time": ("RFC7143-8.1.2-i02",),
        "chap-name-is-anybodys": ("RFC7143-9.2-08",),
        "logout-of-unknown-cid-succeeds": ("RFC7143-8.1.2-i09",),
        "abort-task-of-tmf-completes": ("RFC7143-11.5.1-12",),
        "data-digest-leaves-padding-out": ("RFC7143-13.1-03",),
        "not-understood-ends-the-login": ("RFC7143-13.26.2-06",),
        "login-takes-other-pdus": (
            "RFC7143-4.2.4-04",
            "RFC7143-7.1.4-02",
        ),
        "refused-login-stays-open": (
            "RFC7143-4.2.4-09",
            "RFC7143-8.1.2-i03",
            "RFC7143-7.12-02",
            "RFC7143-8.3.2-i01",
        ),
        "chap-response-in-base64-is-refused": ("RFC7143-12.1.3-i03",),
        "login-is-answered-twice": ("RFC7143-6.2-05",),
        "range-is-answered-by-a-range": ("RFC7143-6.2.2-04",),
        "own-offer-takes-any-answer": ("RFC7143-6.2-11",),
        "login-takes-any-stage": (
            "RFC7143-6.3-06",
            "RFC7143-6.3-07",
            "RFC7143-11.12.3-i01",
            "RFC7143-11-03",
        ),
        "target-never-proves-itself": ("RFC7143-12.1.3-05",),
        "chap-takes-the-targets-own-secret": ("RFC7143-9.2.1-11",),
        "added-connection-need-not-prove-itself": ("RFC7143-9.2-13",),
        "known-architectures-are-refused": ("RFC7143-13.26.2-01",),
        "later-versions-count": ("RFC7143-11.12.4.1-02",),
        "state-never-times-out": (
            "RFC7143-6.3.5-i02",
            "RFC7143-7.15-i01",
            "RFC7143-8.2-i04",
            "RFC7143-7.6-i01",
            "RFC7143-7.1.4-i01",
            "RFC7143-7.5.2-i01",
        ),
        "state-ends-with-its-connection": (
            "RFC7143-8.3.2-i02",
            "RFC7143-8.3.2-i03",
            "RFC7143-8.2-i02",
        ),
        "session-logout-closes-one-connection": ("RFC7143-11.15-01",),
        "logout-leaves-tasks": (
            "RFC7143-E.1-i03",
            "RFC7143-11.14.5-01",
        ),
        "cold-reset-drops-nobody": ("RFC7143-E.2-i01",),
        "late-data-is-rejected": ("RFC7143-4.2.3.4-11",),
        "old-sessions-are-told": ("RFC7143-11.9.1-08",),
        "tmf-does-not-wait-for-gaps": ("RFC7143-4.2.3.4-08",),
        "retry-is-rejected": ("RFC7143-4.2.2.1-16",),
        "nexus-reset-ends-nothing": (
            "RFC7144-6.3-11",
            "RFC7144-6.3-12",
            "RFC7144-6.3-13",
            "RFC7144-6.5-01",
            "RFC7144-6.3-04",
        ),
        "failed-text-takes-effect": (
            "RFC7143-7.12-03",
            "RFC7143-7.12-04",
        ),
        "snack-is-refused": (
            "RFC7143-7.1.5-01",
            "RFC7143-7.1.5-02",
            "RFC7143-7.8-08",
        ),
        "resent-pdus-are-changed": (
            "RFC7143-11.16-05",
            "RFC7143-11.4.9-01",
        ),
        "reassigned-task-goes-on-first": (
            "RFC7143-11.5.1-19",
            "RFC7143-11.6-01",
        ),
        "reassigned-read-begins-anew": ("RFC7143-7.2.2-03",),
        "status-comes-on-another-connection": (
            "RFC7143-4.2.5.1-02",
            "RFC7143-4.2.5.1-04",
            "RFC7143-4.2.5.1-07",
        ),
        "r2t-asks-again": (
            "RFC7143-11.8-01",
            "RFC7143-13.10-i02",
        ),
        "r2ts-go-backwards": ("RFC7143-13.19-01",),
        "port-name-is-malformed": ("RFC7143-4.4.2-02",),
        "half-a-close-is-ignored": ("RFC7143-7.14-04",),
        "reassigned-task-stands-still": (
            "RFC7143-7.2.2-02",
            "RFC7143-E.1-i02",
            "RFC7143-11.5.6-03",
        ),
        "spoilt-write-is-never-concluded": ("RFC7143-11.17.1-03",),
        "one-discovery-session-an-initiator": (
            "RFC7143-7.4.2.1-02",
            "RFC7143-7.4.2.1-03",
        ),
        "lost-connection-ends-the-session": (
            "RFC7143-8.2-i01",
            "RFC7143-8.1.2-i10",
        ),
        "failed-login-ends-the-session": ("RFC7143-8.3.2-i04",),
        "login-response-has-an-ahs": ("RFC7143-11.2.1.5-01",),
        "session-logout-closes-nothing": (
            "RFC7143-E.1-i01",
            "RFC7143-8.1.2-i04",
        ),
        "reinstated-connection-stays": ("RFC7143-11.14-07",),
        "redeclared-max-data-segment-is-ignored": ("RFC7143-11.16.3-02",),
        "named-send-targets-finds-nothing": ("RFC7143-C-11",),
        "crc-error-is-told-at-once": ("RFC7143-11.17.1-04",),
        "excess-data-is-taken": ("RFC7143-11.4.7.2-i02",),
    }
)
"""Requirements by the fault's name; a check of each must notice it."""
