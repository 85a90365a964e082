lib_libcore_la_SOURCES += \
	%D%/book.h \
	%D%/cells.c \
	%D%/family.c \
	%D%/journal.c \
	%D%/repair.c \
	%D%/repair.h \
	%D%/ring.c \
	%D%/series.c \
	%D%/source.c
