lib_libcore_la_SOURCES += \
	%D%/bits.h \
	%D%/buf.c \
	%D%/buf.h \
	%D%/clock.c \
	%D%/clock.h \
	%D%/err.c \
	%D%/err.h \
	%D%/errors.h \
	%D%/escape.c \
	%D%/escape.h \
	%D%/fault.c \
	%D%/fault.h \
	%D%/fault_points.h \
	%D%/fork.c \
	%D%/fork.h \
	%D%/hash.c \
	%D%/hash.h \
	%D%/kinds.h \
	%D%/modes.c \
	%D%/modes.h \
	%D%/num.c \
	%D%/num.h \
	%D%/pair.h \
	%D%/shortest.c \
	%D%/shortest.h \
	%D%/states.h \
	%D%/wire.h
