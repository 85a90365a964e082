C_TESTS += %D%/test_steps
%C%_test_steps_LDADD = tests/multi/libmulti.la $(LDADD)
