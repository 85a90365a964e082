# The programs that the driver compares: peer.h has what they speak.  PEERS need
# no more than pdc itself.  Of MORE_PEERS each is left out, with a message, where
# what it is made of is missing.
PEERS = %D%/floor %D%/journal %D%/lmdb %D%/pdc %D%/serve
%C%_floor_SOURCES = %D%/floor.c %D%/peer.c %D%/peer.h
%C%_floor_LDADD =
%C%_journal_SOURCES = %D%/journal.c %D%/line.h %D%/peer.c %D%/peer.h
%C%_journal_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPDC_COMMAND='"$(abs_top_builddir)/bin/pdc/pdc"'
%C%_journal_LDADD = lib/libpdc.la
%C%_lmdb_SOURCES = %D%/lmdb.c %D%/line.h %D%/peer.c %D%/peer.h
%C%_lmdb_LDADD = $(LMDB_LIBS)
%C%_pdc_SOURCES = %D%/pdc.c %D%/peer.c %D%/peer.h
%C%_pdc_LDADD = lib/libpdc.la
%C%_serve_SOURCES = %D%/serve.c %D%/line.h %D%/peer.c %D%/peer.h
%C%_serve_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPDC_SERVE='"$(abs_top_builddir)/bin/pdc-serve/pdc-serve"'
%C%_serve_LDADD = lib/libpdc.la

MORE_PEERS = %D%/redis %D%/sqlite %D%/prometheus_cpp %D%/golang %D%/victoria
MORE_PEERS_OF = $(srcdir)/%D%/line.h $(srcdir)/%D%/peer.h %D%/peer.$(OBJEXT)

EXTRA_PROGRAMS += $(PEERS)
EXTRA_DIST += %D%/redis.c %D%/sqlite.c %D%/prometheus_cpp.cc \
	%D%/go.sh %D%/peer.go %D%/golang.go %D%/victoria.go

# Run as they are; peer.py is what those in Python share.
EXTRA_DIST += %D%/apcu.php %D%/client_python.py %D%/perl_shared.pl \
	%D%/prom_client.js %D%/pushgateway.py %D%/ruby_mmap.rb %D%/peer.py

CLEANFILES += $(PEERS) $(MORE_PEERS)

.PHONY: bench-peers clean-gocache
bench-peers: $(PEERS) $(MORE_PEERS)

%D%/redis: $(srcdir)/%D%/redis.c $(MORE_PEERS_OF)
	$(AM_V_CCLD)if $(PKG_CONFIG) --exists hiredis; then \
		$(COMPILE) $(AM_LDFLAGS) $(LDFLAGS) -o $@ \
			$(srcdir)/%D%/redis.c %D%/peer.$(OBJEXT) \
			`$(PKG_CONFIG) --cflags --libs hiredis`; \
	else \
		echo "$@ is left out: libhiredis-dev is missing"; \
	fi

%D%/sqlite: $(srcdir)/%D%/sqlite.c $(MORE_PEERS_OF)
	$(AM_V_CCLD)if $(PKG_CONFIG) --exists sqlite3; then \
		$(COMPILE) $(AM_LDFLAGS) $(LDFLAGS) -o $@ \
			$(srcdir)/%D%/sqlite.c %D%/peer.$(OBJEXT) \
			`$(PKG_CONFIG) --cflags --libs sqlite3`; \
	else \
		echo "$@ is left out: libsqlite3-dev is missing"; \
	fi

# configure does not ask for a compiler of C++: this is the one make knows.
%D%/prometheus_cpp: $(srcdir)/%D%/prometheus_cpp.cc $(MORE_PEERS_OF)
	$(AM_V_GEN)if ! $(CXX) --version >/dev/null 2>&1; then \
		echo "$@ is left out: g++ is missing"; \
	elif $(PKG_CONFIG) --exists prometheus-cpp-core; then \
		$(CXX) -std=c++17 -O2 -Wall -Wextra $(CXXFLAGS) $(PDC_SAN) \
			$(LDFLAGS) -o $@ $(srcdir)/%D%/prometheus_cpp.cc \
			%D%/peer.$(OBJEXT) \
			`$(PKG_CONFIG) --cflags --libs prometheus-cpp-core`; \
	else \
		echo "$@ is left out: prometheus-cpp-dev is missing"; \
	fi

%D%/golang: $(srcdir)/%D%/golang.go $(srcdir)/%D%/peer.go
	$(AM_V_GEN)$(SHELL) $(srcdir)/%D%/go.sh $@ \
		prometheus/client_golang $(srcdir)/%D%/golang.go \
		$(srcdir)/%D%/peer.go

%D%/victoria: $(srcdir)/%D%/victoria.go $(srcdir)/%D%/peer.go
	$(AM_V_GEN)$(SHELL) $(srcdir)/%D%/go.sh $@ \
		VictoriaMetrics/metrics $(srcdir)/%D%/victoria.go \
		$(srcdir)/%D%/peer.go

clean-local: clean-gocache
clean-gocache:
	-rm -rf %D%/gocache
