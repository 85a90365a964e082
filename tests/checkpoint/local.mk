C_TESTS += \
	%D%/test_checkpoint \
	%D%/test_closed \
	%D%/test_forged \
	%D%/test_maintain \
	%D%/test_order \
	%D%/test_pending
if WITH_FAULTS
C_TESTS += %D%/test_cutoff
endif
%C%_test_maintain_LDADD = tests/multi/libmulti.la $(LDADD)
