C_TESTS += %D%/test_cut
%C%_test_cut_SOURCES = %D%/test_cut.c %D%/record.c %D%/record.h
%C%_test_cut_LDADD = tests/journal/libjournal.la tests/multi/libmulti.la $(LDADD)
