# Never built by all or check.  BENCHES: programs, run in this order.
BENCHES = %D%/bench_update %D%/bench_page
%C%_bench_update_LDADD = lib/libpdc.la $(LMDB_LIBS)
%C%_bench_page_LDADD = lib/libpdc.la

EXTRA_PROGRAMS += $(BENCHES)
EXTRA_DIST += %D%/README.md

.PHONY: bench
bench: $(BENCHES)
	@set -e; for bench in $(BENCHES); do echo "== $$bench"; ./$$bench; done
