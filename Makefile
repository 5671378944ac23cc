# Every target works from a fresh clone: what it needs is made first. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?=
RELEASE ?=
CACHE := $(CURDIR)/.cache
LINK := $(CACHE)/collections/ansible_collections/highload/lvs
SCENARIOS := $(patsubst molecule/%/molecule.yml,molecule-%,$(wildcard molecule/*/molecule.yml))

# Ansible, Molecule, ansible-lint and pytest find this checkout as highload.lvs; all caches stay inside .cache.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CACHE)/collections
export ANSIBLE_HOME := $(CACHE)/ansible
export PYTHONPYCACHEPREFIX := $(CACHE)/pycache
# Where the environment forbids to keep what was compiled, each of Ansible's processes compiles Ansible again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 14

.PHONY: demo
demo: venv system ## Bring up the reference system on a real kernel and prove that it balances
	@tools/demo

.PHONY: test
test: ## Run everything: lint, sanity, units, docs, lab, kernel, molecule
	@python3 tools/stages.py venv system $(SCENARIOS) kernel lab sanity lint docs units

.PHONY: test-quick
test-quick: ## Run lint, units and one Molecule scenario
	@python3 tools/stages.py venv system molecule-default lint units

.PHONY: lint
lint: venv ## Check style and types of everything in the repository
	@python tools/lint.py

.PHONY: units
units: venv ## Run the unit tests
	@python tools/progress.py units python -m pytest tests/unit

.PHONY: versions
versions: $(LINK) system ## Try every supported ansible-core: units and sanity on each, a scenario on two
	@python3 tools/progress.py versions tools/versions

.PHONY: sanity
sanity: venv ## Run ansible-test sanity
	@tools/sanity

.PHONY: lab
lab: venv system ## Test the lab itself, on real guests
	@python tools/progress.py lab python -m pytest --verbose tests/lab

.PHONY: kernel
kernel: venv system ## Turn random IPVS tables into each other on a guest's kernel
	@tools/kernel-tests

.PHONY: molecule
molecule: ## Run every Molecule scenario on lab guests; molecule-<scenario> runs one
	@python3 tools/stages.py venv system $(SCENARIOS)

molecule-%: venv system
	@tools/molecule $*

.PHONY: test-docker
test-docker: venv system ## Run the default scenario in containers in a lab guest; RELEASE=trixie runs one
	@tools/docker-test $(RELEASE)

.PHONY: browser
browser: venv ## Test the report of verify in headless Chromium, which must be installed
	@python -m pytest tests/browser

.PHONY: docs
docs: venv ## Build the documentation site in .cache/docs/html and check its links
	@tools/docs

.PHONY: tutorial
tutorial: venv system ## Type every command of the tutorial on guests and compare what is printed
	@python tools/try_tutorial.py

.PHONY: package
package: venv ## Build the collection's tarball and check it as Galaxy does
	@tools/package

.PHONY: lock
lock: ## Pin the newest development dependencies for every Python found here
	@tools/lock

.PHONY: newest
newest: $(LINK) ## Try the newest development dependencies instead of the pinned ones
	@tools/newest

.PHONY: venv
venv: $(LINK)
	@tools/make-venv "$(PYTHON)"

.PHONY: system
system:
	@tools/system-packages

$(LINK):
	@mkdir -p $(@D) && ln -sfn ../../../.. $@

.PHONY: clean
clean: ## Stop the labs of this checkout and remove all that was made here
	@tools/clean
