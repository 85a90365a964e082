noinst_PROGRAMS += %D%/load
%C%_load_LDADD = $(LIBBSD_LIBS) -lpthread

SH_TESTS += %D%/test_demo.sh
dist_noinst_SCRIPTS = %D%/run.sh %D%/pages.py
EXTRA_DIST += %D%/clients.sh
