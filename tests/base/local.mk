C_TESTS += \
	%D%/test_buf \
	%D%/test_clock \
	%D%/test_err \
	%D%/test_escape \
	%D%/test_fork \
	%D%/test_hash \
	%D%/test_modes \
	%D%/test_native \
	%D%/test_num \
	%D%/test_wire
if WITH_FAULTS
C_TESTS += %D%/test_fault
TSAN_TESTS += %D%/test_fault
endif
TSAN_TESTS += %D%/test_err %D%/test_fork
