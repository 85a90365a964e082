C_TESTS += %D%/test_cancel %D%/test_names %D%/test_race %D%/test_txn
if WITH_FAULTS
C_TESTS += %D%/test_owed
endif
