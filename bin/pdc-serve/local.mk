noinst_LTLIBRARIES += %D%/libserve.la
%C%_libserve_la_SOURCES = \
	%D%/ask.c \
	%D%/ask.h \
	%D%/checkpointer.c \
	%D%/checkpointer.h \
	%D%/compress.c \
	%D%/compress.h \
	%D%/counts.c \
	%D%/counts.h \
	%D%/feed.c \
	%D%/feed.h \
	%D%/http.c \
	%D%/http.h \
	%D%/landing.c \
	%D%/landing.h \
	%D%/latest.c \
	%D%/latest.h \
	%D%/listen.c \
	%D%/listen.h \
	%D%/log.c \
	%D%/log.h \
	%D%/now.h \
	%D%/options.c \
	%D%/options.h \
	%D%/process.c \
	%D%/process.h \
	%D%/scrape.c \
	%D%/scrape.h \
	%D%/self.c \
	%D%/self.h \
	%D%/serve.c \
	%D%/serve.h \
	%D%/source.c \
	%D%/source.h \
	%D%/stream.c \
	%D%/stream.h \
	%D%/workers.c \
	%D%/workers.h
%C%_libserve_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBMICROHTTPD_CFLAGS) \
	$(ZLIB_CFLAGS) $(ZSTD_CFLAGS)

sbin_PROGRAMS += %D%/pdc-serve
%C%_pdc_serve_SOURCES = %D%/main.c
%C%_pdc_serve_CPPFLAGS = $(AM_CPPFLAGS) $(LIBMICROHTTPD_CFLAGS)
%C%_pdc_serve_LDADD = %D%/libserve.la lib/libcore.la $(LIBMICROHTTPD_LIBS) \
	$(ZLIB_LIBS) $(ZSTD_LIBS)
dist_man_MANS += %D%/pdc-serve.8

# A service of systemd, below the prefix like the rest.
systemdunitdir = $(prefix)/lib/systemd/system
tmpfilesdir = $(prefix)/lib/tmpfiles.d
sysusersdir = $(prefix)/lib/sysusers.d
dist_systemdunit_DATA = %D%/pdc-serve.socket
nodist_systemdunit_DATA = %D%/pdc-serve.service
dist_tmpfiles_DATA = %D%/tmpfiles.d/pdc.conf
dist_sysusers_DATA = %D%/sysusers.d/pdc.conf
EXTRA_DIST += %D%/pdc-serve.service.in
CLEANFILES += %D%/pdc-serve.service
# In brackets, or configure would put its own value here.
%D%/pdc-serve.service: %D%/pdc-serve.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && sed 's|[@]sbindir[@]|$(sbindir)|' \
		$(srcdir)/%D%/pdc-serve.service.in >$@.tmp && mv $@.tmp $@
