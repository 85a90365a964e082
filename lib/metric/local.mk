lib_libcore_la_SOURCES += \
	%D%/metric.h \
	%D%/bucket.c \
	%D%/bucket.h \
	%D%/budget.c \
	%D%/declare.c \
	%D%/desc.c \
	%D%/exemplar.c \
	%D%/labels.c \
	%D%/mode.c \
	%D%/pocket.c \
	%D%/pocket.h \
	%D%/resolve.c \
	%D%/states.c \
	%D%/table.c \
	%D%/update.c \
	%D%/place.c \
	%D%/remove.c \
	%D%/credit.c
