C_TESTS += %D%/test_budget %D%/test_declare %D%/test_exemplar \
	%D%/test_handles %D%/test_labels %D%/test_pockets \
	%D%/test_state %D%/test_update
%C%_test_budget_LDADD = tests/multi/libmulti.la $(LDADD)
%C%_test_exemplar_LDADD = tests/multi/libmulti.la $(LDADD)
TSAN_TESTS += %D%/test_handles %D%/test_pockets
