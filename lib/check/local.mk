lib_libcore_la_SOURCES += \
	%D%/book.c \
	%D%/book.h \
	%D%/cells.c \
	%D%/check.c \
	%D%/check.h \
	%D%/family.c \
	%D%/journal.c \
	%D%/pages.c \
	%D%/other.c \
	%D%/owner.c \
	%D%/series.c
