# Each target does its own set-up: .venv is made anew only when pyproject.toml or constraints.txt has changed.
PYTHON ?= $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo python3)
BIN := .venv/bin
STAMP := .venv/.installed
DEMO := benchmarks/demo/credit
DIGITS := runs/demo/digits
BANKING := benchmarks/demo/banking
SPOKEN := benchmarks/demo/spoken_digits

.PHONY: demo test lint bench
.DEFAULT_GOAL := demo

# torch first and by its exact version: a range would let pip take a newer build with gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all,dev]'
	touch $@

# Advice, a minute of training and predictions, four times: 2,227 labelled credit applications, a hundred labelled
# pictures of handwritten digits, a hundred questions to a bank, and eighty recordings of spoken digits.
demo: $(STAMP)
	rm -rf runs/demo
	$(BIN)/advise $(DEMO) --target Status
	$(BIN)/autofit $(DEMO) --target Status --time-limit 60s --seed 0 --out runs/demo
	$(BIN)/advisor predict runs/demo $(DEMO)/test.csv -o runs/demo/predictions.csv
	head -n 5 runs/demo/predictions.csv
	$(BIN)/python benchmarks/demo/digits.py $(DIGITS)
	$(BIN)/advise $(DIGITS)
	$(BIN)/autofit $(DIGITS) --time-limit 60s --seed 0 --out runs/demo/digits-run
	$(BIN)/advisor predict runs/demo/digits-run $(DIGITS)/unlabeled -o runs/demo/digits.csv
	head -n 5 runs/demo/digits.csv
	$(BIN)/advise $(BANKING)
	$(BIN)/autofit $(BANKING) --time-limit 60s --seed 0 --out runs/demo/banking-run
	$(BIN)/advisor predict runs/demo/banking-run $(BANKING)/unlabeled.csv -o runs/demo/banking.csv
	head -n 5 runs/demo/banking.csv
	$(BIN)/advise $(SPOKEN)
	$(BIN)/autofit $(SPOKEN) --time-limit 60s --seed 0 --out runs/demo/spoken-run
	$(BIN)/advisor predict runs/demo/spoken-run $(SPOKEN)/test -o runs/demo/spoken.csv
	head -n 5 runs/demo/spoken.csv

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow"

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# A short run (three tables, one seed; the cost of up to 100,000 rows). The figures of benchmarks/README.md
# come from the full one, which its first lines name.
bench: $(STAMP)
	$(BIN)/python -m pytest -m slow || [ $$? -eq 5 ] # 5: no test is marked slow
	$(BIN)/python benchmarks/tabular.py --datasets penguins,credit_data,concrete --seeds 1 --seconds 30 --report
	$(BIN)/python benchmarks/cost.py --rows 1000,10000,100000 --report
	$(BIN)/python benchmarks/images.py --labels 5,25 --seeds 1 --seconds 60 --report
	$(BIN)/python benchmarks/text.py --labels 8 --seeds 1 --seconds 60 --report
	$(BIN)/python benchmarks/audio.py --labels 5 --seeds 1 --seconds 60 --report
	$(BIN)/python benchmarks/throughput.py --report
	$(BIN)/python benchmarks/throughput_texts.py --report
