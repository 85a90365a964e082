C_TESTS += \
	%D%/test_calls \
	%D%/test_command \
	%D%/test_cpus \
	%D%/test_full \
	%D%/test_limits \
	%D%/test_memory \
	%D%/test_place \
	%D%/test_process \
	%D%/test_serve
check_LTLIBRARIES += %D%/libmachine.la
%C%_libmachine_la_SOURCES = %D%/machine.c %D%/machine.h %D%/ops.c
MACHINE_LDADD = %D%/libmachine.la tests/multi/libmulti.la $(LDADD)
%C%_test_calls_LDADD = $(MACHINE_LDADD)
%C%_test_command_SOURCES = %D%/test_command.c %D%/memory.c %D%/memory.h
%C%_test_command_LDADD = bin/pdc/libpdccmd.la tests/multi/libmulti.la $(LDADD)
%C%_test_cpus_LDADD = tests/multi/libmulti.la $(LDADD)
%C%_test_full_LDADD = $(MACHINE_LDADD)
%C%_test_limits_LDADD = $(MACHINE_LDADD)
%C%_test_memory_SOURCES = %D%/test_memory.c %D%/memory.c %D%/memory.h
%C%_test_memory_LDADD = $(MACHINE_LDADD)
%C%_test_place_LDADD = $(MACHINE_LDADD)
%C%_test_process_LDADD = tests/multi/libmulti.la $(LDADD) -ldl
%C%_test_serve_SOURCES = %D%/test_serve.c %D%/memory.c %D%/memory.h
%C%_test_serve_LDADD = bin/pdc-serve/libserve.la tests/multi/libmulti.la \
	$(LDADD) $(LIBMICROHTTPD_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)
