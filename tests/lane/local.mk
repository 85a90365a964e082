C_TESTS += \
	%D%/test_cells \
	%D%/test_cells_fault \
	%D%/test_exemplar \
	%D%/test_fwd \
	%D%/test_gauge \
	%D%/test_lane_add \
	%D%/test_lane_kill \
	%D%/test_lane_pair \
	%D%/test_lane_thread \
	%D%/test_pending \
	%D%/test_probe \
	%D%/test_reuse \
	%D%/test_ring \
	%D%/test_ring_kill \
	%D%/test_rseq \
	%D%/test_tag
SH_TESTS += %D%/test_rseq_code.sh
TSAN_TESTS += %D%/test_fwd %D%/test_lane_thread %D%/test_pending
%C%_test_exemplar_LDADD = tests/multi/libmulti.la $(LDADD)
EXTRA_DIST += %D%/fixture.h %D%/workers.h
