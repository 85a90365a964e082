C_TESTS += %D%/test_damage
