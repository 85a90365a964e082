SH_TESTS += %D%/test_httpd.sh
EXTRA_DIST += %D%/httpd.sh
