SH_TESTS += %D%/test_official.sh
EXTRA_DIST += %D%/python.sh %D%/test_official.py
