SH_TESTS += %D%/test_golden.sh %D%/test_next.sh
TEST_HELPERS += %D%/count %D%/fill %D%/next_pdc %D%/next_serve %D%/next_cells
EXTRA_DIST += %D%/golden-1/data.dump %D%/golden-1/shown

# pdc and pdc-serve of a library whose stores, or whose cells, are of version 2.
%C%_next_pdc_SOURCES = bin/pdc/main.c lib/store/store.c lib/store/stxn.c
%C%_next_pdc_CPPFLAGS = $(AM_CPPFLAGS) -DSTORE_VERSION=2
%C%_next_pdc_LDADD = bin/pdc/libpdccmd.la lib/libcore.la
%C%_next_serve_SOURCES = bin/pdc-serve/main.c lib/store/store.c \
	lib/store/stxn.c
%C%_next_serve_CPPFLAGS = $(AM_CPPFLAGS) $(LIBMICROHTTPD_CFLAGS) \
	-DSTORE_VERSION=2
%C%_next_serve_LDADD = bin/pdc-serve/libserve.la lib/libcore.la \
	$(LIBMICROHTTPD_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)
%C%_next_cells_SOURCES = bin/pdc/main.c lib/check/family.c \
	lib/lane/cells.c lib/lane/plan.c
%C%_next_cells_CPPFLAGS = $(AM_CPPFLAGS) -DCELLS_VERSION=2
%C%_next_cells_LDADD = bin/pdc/libpdccmd.la lib/libcore.la
