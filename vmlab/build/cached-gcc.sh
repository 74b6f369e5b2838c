#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# gcc, with ccache where something is compiled. A kernel's configuration asks gcc hundreds
# of questions, which ccache cannot answer but makes ten times as long in an emulated
# machine.
case " $* " in
*" /dev/null "*) exec gcc "$@" ;;
*" -c "*) exec ccache gcc "$@" ;;
esac
exec gcc "$@"
