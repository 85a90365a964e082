SH_TESTS += %D%/test_official.sh %D%/test_official_modes.sh
EXTRA_DIST += %D%/libpdc.py %D%/mode.h %D%/python.sh \
	%D%/test_official.py %D%/test_official_modes.py

MULTI_TESTS = \
	%D%/test_again \
	%D%/test_close \
	%D%/test_closed \
	%D%/test_container \
	%D%/test_disk \
	%D%/test_epoch \
	%D%/test_exact \
	%D%/test_expire \
	%D%/test_fork \
	%D%/test_idle \
	%D%/test_kept \
	%D%/test_kill \
	%D%/test_lines \
	%D%/test_lines_busy \
	%D%/test_lines_lost \
	%D%/test_mode \
	%D%/test_mode_lost \
	%D%/test_mode_series \
	%D%/test_mode_slot \
	%D%/test_monotone \
	%D%/test_pidns \
	%D%/test_remove \
	%D%/test_short \
	%D%/test_signal \
	%D%/test_stale \
	%D%/test_stop \
	%D%/test_storm \
	%D%/test_system \
	%D%/test_thread \
	%D%/test_use
C_TESTS += $(MULTI_TESTS)
TSAN_TESTS += %D%/test_thread
check_LTLIBRARIES += %D%/libmulti.la
%C%_libmulti_la_SOURCES = %D%/multi.c %D%/multi.h
%C%_test_again_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_storm_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_short_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_close_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_closed_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_container_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_disk_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_kill_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_lines_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_lines_busy_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_lines_lost_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_mode_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_pidns_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_mode_lost_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_mode_series_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_mode_slot_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_remove_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_expire_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_stale_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_stop_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_epoch_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_fork_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_idle_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_kept_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_exact_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_signal_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_thread_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_system_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_use_LDADD = %D%/libmulti.la $(LDADD)
%C%_test_monotone_LDADD = %D%/libmulti.la $(LDADD)
