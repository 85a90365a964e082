FUZZ_TARGETS = accept cells escape exemplar http line name page recode \
	record ring tree
FUZZ_TESTS = \
	%D%/fuzz_accept \
	%D%/fuzz_cells \
	%D%/fuzz_escape \
	%D%/fuzz_exemplar \
	%D%/fuzz_http \
	%D%/fuzz_line \
	%D%/fuzz_name \
	%D%/fuzz_page \
	%D%/fuzz_recode \
	%D%/fuzz_record \
	%D%/fuzz_ring \
	%D%/fuzz_tree
C_TESTS += $(FUZZ_TESTS)
%C%_fuzz_accept_SOURCES = %D%/fuzz_accept.c %D%/fuzz.h %D%/replay.c
%C%_fuzz_cells_SOURCES = %D%/fuzz_cells.c %D%/replay.c
%C%_fuzz_escape_SOURCES = %D%/fuzz_escape.c %D%/replay.c
%C%_fuzz_exemplar_SOURCES = %D%/fuzz_exemplar.c %D%/replay.c
%C%_fuzz_http_SOURCES = %D%/fuzz_http.c %D%/replay.c
%C%_fuzz_http_LDADD = bin/pdc-serve/libserve.la $(LDADD) \
	$(LIBMICROHTTPD_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)
%C%_fuzz_line_SOURCES = %D%/fuzz_line.c %D%/replay.c
%C%_fuzz_name_SOURCES = %D%/fuzz_name.c %D%/replay.c
%C%_fuzz_name_LDADD = bin/pdc/libpdccmd.la $(LDADD)
%C%_fuzz_page_SOURCES = %D%/fuzz_page.c %D%/replay.c
%C%_fuzz_page_LDADD = bin/pdc/libpdccmd.la $(LDADD)
%C%_fuzz_recode_SOURCES = %D%/fuzz_recode.c %D%/replay.c
%C%_fuzz_recode_LDADD = bin/pdc/libpdccmd.la $(LDADD)
%C%_fuzz_record_SOURCES = %D%/fuzz_record.c %D%/replay.c
%C%_fuzz_ring_SOURCES = %D%/fuzz_ring.c %D%/replay.c
%C%_fuzz_tree_SOURCES = %D%/fuzz_tree.c %D%/replay.c
EXTRA_DIST += %D%/run.sh %D%/accept %D%/cells %D%/escape %D%/exemplar %D%/http \
	%D%/line %D%/name %D%/page %D%/recode %D%/record %D%/ring %D%/tree
