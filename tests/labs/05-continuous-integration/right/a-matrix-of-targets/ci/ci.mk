.PHONY: hygiene lint types data version tests coverage model register
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
PIP := python -m pip install -q

hygiene:
	mapfile -d '' names < <(git ls-files -z)
	python tools/scan_secrets.py "$${names[@]}"
	if git ls-files | grep -q '\.ipynb$$'; then echo notebook; exit 1; fi
	git ls-tree -r -l -z HEAD | awk -v RS='\0' '$$4 > 500000 { print; bad = 1 } END { exit bad }'

lint:
	$(PIP) -r requirements-dev.txt
	ruff check .

types:
	$(PIP) -r requirements.txt -r requirements-dev.txt
	mypy

data:
	$(PIP) -r requirements.txt
	python -m flightdelay.data

version:
	case "$$TARGET_BRANCH" in release/*) python ci/version.py ;; *) echo no release ;; esac

tests:
	$(PIP) -r requirements.txt -r requirements-dev.txt
	coverage run -m pytest --durations=3

coverage:
	$(PIP) -r requirements-dev.txt
	coverage combine
	coverage report --fail-under=90

model:
	$(PIP) -r requirements.txt
	python -m flightdelay.train
	python -m flightdelay.evaluate --floor 0.65
	mkdir -p dist
	cp build/{model,metrics}.json dist/

register:
	python tools/register.py build
	cp build/receipt.json dist/
