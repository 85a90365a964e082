# Compiled by tests/check_install.sh against what is installed.
EXTRA_DIST += %D%/use_c99.c %D%/use_cxx11.cc
SH_TESTS += %D%/test_examples.sh
