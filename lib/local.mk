noinst_LTLIBRARIES += %D%/libcore.la
%C%_libcore_la_SOURCES =
%C%_libcore_la_LIBADD = $(LMDB_LIBS) $(LIBBSD_LIBS)

include %D%/base/local.mk
include %D%/store/local.mk
include %D%/lane/local.mk
include %D%/metric/local.mk
include %D%/journal/local.mk
include %D%/checkpoint/local.mk
include %D%/collect/local.mk
include %D%/check/local.mk
include %D%/repair/local.mk
include %D%/expo/local.mk
include %D%/api/local.mk

lib_LTLIBRARIES += %D%/libpdc.la
%C%_libpdc_la_SOURCES =
%C%_libpdc_la_LIBADD = %D%/libcore.la
%C%_libpdc_la_DEPENDENCIES = %D%/libcore.la %D%/pdc.map
%C%_libpdc_la_LIBTOOLFLAGS =
%C%_libpdc_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined \
	-version-info $(PDC_LT_VERSION) $(PDC_NODELETE)
if HAVE_VERSION_SCRIPT
%C%_libpdc_la_LDFLAGS += -Wl,--version-script=$(srcdir)/%D%/pdc.map
else
%C%_libpdc_la_LDFLAGS += -export-symbols-regex '^pdc_'
endif

include %D%/adapter/httpd/local.mk

pkgconfig_DATA += %D%/libpdc.pc
EXTRA_DIST += %D%/pdc.map
dist_man_MANS += %D%/pdc.3 %D%/store/pdc-store.5
