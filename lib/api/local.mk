lib_libcore_la_SOURCES += \
	%D%/commit.c \
	%D%/emit.c \
	%D%/emit.h \
	%D%/log.c \
	%D%/merged.c \
	%D%/open.c \
	%D%/remove.c \
	%D%/remove.h \
	%D%/retain.c \
	%D%/retain.h \
	%D%/target.c \
	%D%/target.h \
	%D%/txn.c \
	%D%/txn.h \
	%D%/page.c \
	%D%/page.h \
	%D%/stat.c \
	%D%/write.c
