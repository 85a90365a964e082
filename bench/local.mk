# Never built by all or check.
%C%_bench_page_LDADD = lib/libpdc.la
%C%_counts_LDADD = lib/libpdc.la

EXTRA_PROGRAMS += %D%/bench_page %D%/counts
EXTRA_DIST += %D%/README.md %D%/baseline.json %D%/bench.py \
	%D%/chart.svg %D%/check.py %D%/check.sh %D%/report.py %D%/scenarios.py

# What is no time of an operation, for the driver to copy.
FIGURES = %D%/figures
%C%_figures_SOURCES = %D%/figures.c %D%/figures.h %D%/figures_inc.c \
	%D%/figures_serve.c %D%/figures_store.c %D%/tool.c %D%/tool.h
%C%_figures_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPDC_SERVE='"$(abs_top_builddir)/bin/pdc-serve/pdc-serve"'
%C%_figures_LDADD = lib/libpdc.la $(LMDB_LIBS)

# What scale.py measures by; it asks for the geometry, too.
SCALE = %D%/scale
%C%_scale_SOURCES = %D%/scale.c %D%/tool.c %D%/tool.h
%C%_scale_LDADD = lib/libcore.la $(LMDB_LIBS)

EXTRA_PROGRAMS += $(FIGURES) $(SCALE)
EXTRA_DIST += %D%/SCALE.md %D%/scale.py
CLEANFILES += $(FIGURES) $(SCALE)

# pdc and its peers; BENCH_ARGS for bench.py.
.PHONY: bench
bench: bench-peers $(FIGURES) $(SCALE)
	$(PYTHON3) $(srcdir)/%D%/bench.py . $(BENCH_ARGS)
	$(PYTHON3) $(srcdir)/%D%/report.py %D%/results.jsonl

# Instructions, against what is recorded.  What a build is, is in CFLAGS.
BENCH_CHECK = $(AM_TESTS_ENVIRONMENT) CFLAGS='$(CFLAGS)'; export CFLAGS; \
	$(PYTHON3) $(srcdir)/%D%/check.py

.PHONY: bench-check bench-record
bench-check: lib/libpdc.la %D%/counts
	@$(BENCH_CHECK)
bench-record: lib/libpdc.la %D%/counts
	@$(BENCH_CHECK) --record

CLEANFILES += %D%/results.jsonl %D%/results.md %D%/results.svg

include %D%/peers/local.mk
