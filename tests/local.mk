# A folder adds to these lists in its own local.mk:
# C_TESTS	programs that print TAP; %D%/test_x is made of %D%/test_x.c
# SH_TESTS	executable scripts that print TAP
# TEST_HELPERS	programs the tests start
# TSAN_TESTS	those of C_TESTS that also run with the thread sanitizer
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
# A test that hangs is a failure.
TEST_SECONDS = 900
LOG_COMPILER = timeout -k 9 $(TEST_SECONDS)
SH_LOG_COMPILER = $(LOG_COMPILER)
TEST_SUITE_LOG = %D%/test-suite.log
AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; export srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; \
	MAKE='$(MAKE)'; export MAKE; \
	NM='$(NM)'; export NM; \
	READELF='$(READELF)'; export READELF; \
	HTTPD='$(HTTPD)'; export HTTPD; \
	PYTHON3='$(PYTHON3)'; export PYTHON3; \
	PKG_CONFIG='$(PKG_CONFIG)'; export PKG_CONFIG; \
	PDC_SAN='$(PDC_SAN)'; export PDC_SAN; \
	PDC='$(abs_top_builddir)/bin/pdc/pdc'; export PDC; \
	PDC_SERVE='$(abs_top_builddir)/bin/pdc-serve/pdc-serve'; \
	export PDC_SERVE; \
	PDC_PAGES='$(abs_top_builddir)/tests/pages'; export PDC_PAGES;

check_LTLIBRARIES += %D%/libtap.la
%C%_libtap_la_SOURCES = %D%/pages.c %D%/tap.c %D%/tap.h
LDADD = $(KEEP_PAGES) %D%/libtap.la lib/libcore.la -lm

C_TESTS =
SH_TESTS =
TEST_HELPERS =
TSAN_TESTS =
HOUSE_TESTS = \
	%D%/check_debian.sh \
	%D%/check_format.sh \
	%D%/check_install.sh \
	%D%/check_layers.sh \
	%D%/check_manuals.sh \
	%D%/check_needed.sh \
	%D%/check_symbols.sh

include %D%/base/local.mk
include %D%/store/local.mk
include %D%/lane/local.mk
include %D%/metric/local.mk
include %D%/journal/local.mk
include %D%/checkpoint/local.mk
include %D%/collect/local.mk
include %D%/check/local.mk
include %D%/repair/local.mk
include %D%/upgrade/local.mk
include %D%/expo/local.mk
include %D%/api/local.mk
include %D%/multi/local.mk
include %D%/pains/local.mk
include %D%/machine/local.mk
include %D%/soak/local.mk
include %D%/crash/local.mk
include %D%/model/local.mk
include %D%/fuzz/local.mk
include %D%/cli/local.mk
include %D%/serve/local.mk
include %D%/compile/local.mk
include %D%/example/local.mk
include %D%/demo/local.mk
include %D%/httpd/local.mk
include %D%/deb/local.mk

check_PROGRAMS = $(C_TESTS) $(TEST_HELPERS)
dist_check_SCRIPTS = $(SH_TESTS) $(HOUSE_TESTS)
TESTS = $(C_TESTS) $(SH_TESTS) $(HOUSE_TESTS)

# It judges the pages that the others make.
%D%/serve/test_pages.log: $(C_TESTS:=.log) %D%/serve/test_flags.log \
	%D%/serve/test_formats.log %D%/serve/test_judges.log \
	%D%/serve/test_limits.log %D%/serve/test_serve.log \
	%D%/serve/test_store.log %D%/serve/test_stream.log

# What ./bootstrap check --all runs with a sanitizer and with atomic lanes.
SUITE_TESTS = $(C_TESTS) $(SH_TESTS)
ATOMIC_TESTS = $(C_TESTS) %D%/serve/test_pages.sh

clean-local: clean-pages
.PHONY: clean-pages
clean-pages:
	rm -rf %D%/pages

EXTRA_DIST += %D%/allowed-skips %D%/help.h %D%/sound.h %D%/tap.sh
