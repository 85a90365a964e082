C_TESTS += %D%/test_race %D%/test_txn
