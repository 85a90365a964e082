# Never built by all or check.  BENCHES: programs, run in this order.
BENCHES =
EXTRA_PROGRAMS += $(BENCHES)

.PHONY: bench
bench: $(BENCHES)
	@set -e; for bench in $(BENCHES); do echo "== $$bench"; ./$$bench; done
