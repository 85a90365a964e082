lib_libcore_la_SOURCES += \
	%D%/open.c \
	%D%/txn.c \
	%D%/page.c \
	%D%/page.h
