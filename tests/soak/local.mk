SH_TESTS += %D%/test_soak.sh
TEST_HELPERS += %D%/work
%C%_work_LDADD = tests/multi/libmulti.la $(LDADD)

# Workers, killers, scrapers, followers, against what is to be there.
SECONDS = 60
.PHONY: soak
soak: all
	PDC_SOAK=$(SECONDS) $(MAKE) check TESTS=tests/soak/test_soak.sh \
		TEST_SECONDS=`expr $(SECONDS) + 300`
