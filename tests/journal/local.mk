C_TESTS += \
	%D%/test_context \
	%D%/test_journal \
	%D%/test_latest \
	%D%/test_line \
	%D%/test_nospace \
	%D%/test_query \
	%D%/test_recode \
	%D%/test_retain
TSAN_TESTS += %D%/test_context
SH_TESTS += %D%/test_python.sh
EXTRA_DIST += %D%/forms.py %D%/lines.py
TEST_HELPERS += %D%/write
check_LTLIBRARIES += %D%/libjournal.la
%C%_libjournal_la_SOURCES = %D%/journal.c %D%/journal.h
%C%_test_context_LDADD = %D%/libjournal.la $(LDADD)
%C%_test_journal_LDADD = %D%/libjournal.la $(LDADD)
%C%_test_line_LDADD = %D%/libjournal.la $(LDADD)
%C%_test_retain_LDADD = %D%/libjournal.la $(LDADD)
%C%_test_nospace_LDADD = %D%/libjournal.la $(LDADD)
%C%_test_latest_LDADD = %D%/libjournal.la $(LDADD)
%C%_test_query_LDADD = %D%/libjournal.la $(LDADD)
