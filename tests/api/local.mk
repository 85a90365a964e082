C_TESTS += \
	%D%/test_cancel \
	%D%/test_emit \
	%D%/test_names \
	%D%/test_pieces \
	%D%/test_race \
	%D%/test_txn \
	%D%/test_write
if WITH_FAULTS
C_TESTS += %D%/test_owed
endif
