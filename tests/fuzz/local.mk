FUZZ_TARGETS = accept escape name record
FUZZ_TESTS = \
	%D%/fuzz_accept \
	%D%/fuzz_escape \
	%D%/fuzz_name \
	%D%/fuzz_record
C_TESTS += $(FUZZ_TESTS)
%C%_fuzz_accept_SOURCES = %D%/fuzz_accept.c %D%/fuzz.h %D%/replay.c
%C%_fuzz_escape_SOURCES = %D%/fuzz_escape.c %D%/replay.c
%C%_fuzz_name_SOURCES = %D%/fuzz_name.c %D%/replay.c
%C%_fuzz_name_LDADD = bin/pdc/libpdccmd.la $(LDADD)
%C%_fuzz_record_SOURCES = %D%/fuzz_record.c %D%/replay.c
EXTRA_DIST += %D%/run.sh %D%/accept %D%/escape %D%/name %D%/record
