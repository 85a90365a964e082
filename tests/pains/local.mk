C_TESTS += %D%/test_steps
%C%_test_steps_LDADD = tests/multi/libmulti.la $(LDADD)

# A row for each pain; make check-pains runs them longer and prints a table.
PAINS_TESTS = \
	%D%/test_storage \
	%D%/test_counts \
	%D%/test_process \
	%D%/test_features \
	%D%/test_limits \
	%D%/test_lmdb
C_TESTS += $(PAINS_TESTS)
check_LTLIBRARIES += %D%/libpains.la
%C%_libpains_la_SOURCES = %D%/pains.c %D%/pains.h
EXTRA_DIST += %D%/peer.py %D%/table.sh
PAINS_LDADD = %D%/libpains.la tests/multi/libmulti.la $(LDADD)
%C%_test_storage_LDADD = $(PAINS_LDADD)
%C%_test_counts_LDADD = $(PAINS_LDADD)
%C%_test_process_LDADD = $(PAINS_LDADD)
%C%_test_features_LDADD = $(PAINS_LDADD)
%C%_test_limits_LDADD = $(PAINS_LDADD)
%C%_test_lmdb_LDADD = $(PAINS_LDADD)
%C%_test_lmdb_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statfs

.PHONY: check-pains
check-pains: $(PAINS_TESTS)
	@$(AM_TESTS_ENVIRONMENT) PDC_LONG=1 \
	    $(SHELL) '$(srcdir)/tests/pains/table.sh' $(PAINS_TESTS)
