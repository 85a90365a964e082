lib_libcore_la_SOURCES += \
	%D%/atomic.h \
	%D%/cells.c \
	%D%/cells.h \
	%D%/exemplar.c \
	%D%/exemplar.h \
	%D%/fast.h \
	%D%/husk.c \
	%D%/lane.c \
	%D%/lane.h \
	%D%/plan.c \
	%D%/ring.c \
	%D%/ring.h \
	%D%/rseq.c \
	%D%/rseq.h \
	%D%/shape.h \
	%D%/slot.c \
	%D%/slot.h \
	%D%/tag.c
