# mod_pdc, where httpd's apxs was found.  It sees pdc.h alone.
EXTRA_DIST += %D%/mod_pdc.c %D%/mod_pdc.h %D%/store.c %D%/mod_pdc.8 \
	%D%/mod_pdc.conf.in
if WITH_HTTPD
httpdmoduledir = $(HTTPD_MODULES)
httpdmodule_LTLIBRARIES = %D%/mod_pdc.la
%C%_mod_pdc_la_SOURCES = %D%/mod_pdc.c %D%/mod_pdc.h %D%/store.c
%C%_mod_pdc_la_CPPFLAGS = -I$(top_srcdir)/include $(HTTPD_CPPFLAGS)
%C%_mod_pdc_la_CFLAGS = $(AM_CFLAGS) -fvisibility=default
%C%_mod_pdc_la_LIBADD = lib/libpdc.la
%C%_mod_pdc_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-export-symbols-regex '^pdc_module$$'
man8_MANS = %D%/mod_pdc.8
httpddocdir = $(docdir)
httpddoc_DATA = %D%/mod_pdc.conf
CLEANFILES += %D%/mod_pdc.conf
# In brackets, for configure to leave it.
%D%/mod_pdc.conf: %D%/mod_pdc.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && sed \
		's|[@]httpdmoduledir[@]|$(httpdmoduledir)|' \
		$(srcdir)/%D%/mod_pdc.conf.in >$@.tmp && mv $@.tmp $@
endif
