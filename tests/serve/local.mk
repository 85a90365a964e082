SH_TESTS += \
	%D%/test_damaged.sh \
	%D%/test_flags.sh \
	%D%/test_formats.sh \
	%D%/test_journal.sh \
	%D%/test_judges.sh \
	%D%/test_limits.sh \
	%D%/test_pages.sh \
	%D%/test_prometheus.sh \
	%D%/test_serve.sh \
	%D%/test_store.sh \
	%D%/test_stream.sh \
	%D%/test_systemd.sh
TEST_HELPERS += %D%/fill %D%/random %D%/spoil %D%/worker
EXTRA_DIST += %D%/judge.py %D%/relay.py %D%/serve.sh
