SH_TESTS += %D%/test_official.sh
EXTRA_DIST += %D%/python.sh %D%/test_official.py

MULTI_TESTS = \
	%D%/test_kill
C_TESTS += $(MULTI_TESTS)
check_LTLIBRARIES += %D%/libmulti.la
%C%_libmulti_la_SOURCES = %D%/multi.c %D%/multi.h
%C%_test_kill_LDADD = %D%/libmulti.la $(LDADD)
