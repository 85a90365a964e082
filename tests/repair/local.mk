REPAIR_TESTS = \
	%D%/test_corrupt \
	%D%/test_in_use \
	%D%/test_pages \
	%D%/test_repair
C_TESTS += $(REPAIR_TESTS)
%C%_test_corrupt_LDADD = tests/multi/libmulti.la $(LDADD)
%C%_test_in_use_LDADD = tests/multi/libmulti.la $(LDADD)
%C%_test_pages_LDADD = tests/multi/libmulti.la $(LDADD)
%C%_test_repair_LDADD = tests/multi/libmulti.la $(LDADD)
EXTRA_DIST += %D%/stores.h
