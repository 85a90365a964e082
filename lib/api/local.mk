lib_libcore_la_SOURCES += \
	%D%/emit.c \
	%D%/emit.h \
	%D%/merged.c \
	%D%/open.c \
	%D%/remove.c \
	%D%/remove.h \
	%D%/target.c \
	%D%/target.h \
	%D%/txn.c \
	%D%/page.c \
	%D%/page.h \
	%D%/stat.c \
	%D%/write.c
