SH_TESTS += %D%/test_cli.sh
