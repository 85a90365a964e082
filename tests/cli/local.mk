SH_TESTS += %D%/test_cli.sh %D%/test_compare.sh %D%/test_log.sh
