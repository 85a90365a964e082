MODEL_SOURCES = \
	%D%/amounts.h \
	%D%/bounds.c \
	%D%/budget.c %D%/budget.h \
	%D%/count.c \
	%D%/crew.c %D%/crew.h \
	%D%/drive.c %D%/drive.h \
	%D%/fate.c \
	%D%/idle.c \
	%D%/match.c \
	%D%/merged.c \
	%D%/model.c %D%/model.h \
	%D%/modes.c %D%/modes.h \
	%D%/op.c %D%/op.h \
	%D%/result.c \
	%D%/shape.c %D%/shape.h \
	%D%/steps.c \
	%D%/time.c \
	%D%/use.c \
	%D%/view.c

C_TESTS += %D%/test_model
%C%_test_model_SOURCES = %D%/test_model.c $(MODEL_SOURCES)
# The clocks and the boot of a store that is being opened are the test's.
%C%_test_model_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pdc_clock_init \
	-Wl,--wrap=pdc_clock_mono
%C%_test_model_LDADD = tests/multi/libmulti.la $(LDADD)

C_TESTS += %D%/test_parallel
%C%_test_parallel_LDADD = tests/multi/libmulti.la $(LDADD)
