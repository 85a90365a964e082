# Never built by all or check.  BENCHES: programs, run in this order.
BENCHES = %D%/bench_update %D%/bench_page
%C%_bench_update_LDADD = lib/libpdc.la $(LMDB_LIBS)
%C%_bench_page_LDADD = lib/libpdc.la

%C%_counts_LDADD = lib/libpdc.la

EXTRA_PROGRAMS += $(BENCHES) %D%/counts
EXTRA_DIST += %D%/README.md %D%/baseline.json %D%/check.py %D%/check.sh

.PHONY: bench
bench: $(BENCHES)
	@set -e; for bench in $(BENCHES); do echo "== $$bench"; ./$$bench; done

# Instructions, against what is recorded.  What a build is, is in CFLAGS.
BENCH_CHECK = $(AM_TESTS_ENVIRONMENT) CFLAGS='$(CFLAGS)'; export CFLAGS; \
	$(PYTHON3) $(srcdir)/%D%/check.py

.PHONY: bench-check bench-record
bench-check: lib/libpdc.la %D%/counts
	@$(BENCH_CHECK)
bench-record: lib/libpdc.la %D%/counts
	@$(BENCH_CHECK) --record

include %D%/peers/local.mk
