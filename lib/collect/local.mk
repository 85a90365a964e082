lib_libcore_la_SOURCES += \
	%D%/collect.h \
	%D%/collect.c \
	%D%/live.h \
	%D%/live.c \
	%D%/merge.h \
	%D%/merge.c \
	%D%/native.h \
	%D%/native.c
