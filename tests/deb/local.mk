SH_TESTS += %D%/test_deb.sh
EXTRA_DIST += %D%/count.c %D%/machine.sh
