CHECK_TESTS = \
	%D%/test_damaged \
	%D%/test_load \
	%D%/test_shared
C_TESTS += $(CHECK_TESTS)
%C%_test_damaged_LDADD = tests/multi/libmulti.la $(LDADD)
%C%_test_load_LDADD = tests/multi/libmulti.la $(LDADD)
%C%_test_shared_LDADD = tests/multi/libmulti.la $(LDADD)
EXTRA_DIST += %D%/fixture.h
