C_TESTS += %D%/test_declare %D%/test_update
%C%_test_update_LDADD = $(LDADD) -lm
