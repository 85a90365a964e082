C_TESTS += %D%/test_collect %D%/test_damage %D%/test_native
