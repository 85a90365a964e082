lib_libcore_la_SOURCES += \
	%D%/again.c \
	%D%/again.h \
	%D%/copy.c \
	%D%/dying.c \
	%D%/dying.h \
	%D%/store.c \
	%D%/store.h \
	%D%/mdb.h \
	%D%/file.c \
	%D%/lock.c \
	%D%/stxn.c \
	%D%/family.c \
	%D%/family.h \
	%D%/idle.c \
	%D%/idle.h \
	%D%/native.c \
	%D%/native.h \
	%D%/series.c \
	%D%/series.h \
	%D%/value.c \
	%D%/value.h \
	%D%/records.h
