lib_libcore_la_SOURCES += \
	%D%/append.c \
	%D%/context.c \
	%D%/context.h \
	%D%/journal.h \
	%D%/json.c \
	%D%/json.h \
	%D%/latest.c \
	%D%/latest.h \
	%D%/line.c \
	%D%/line.h \
	%D%/member.c \
	%D%/member.h \
	%D%/names.c \
	%D%/read.c \
	%D%/read.h \
	%D%/rebuild.c \
	%D%/recode.c \
	%D%/recode.h \
	%D%/recode_ecs.c \
	%D%/recode_line.h \
	%D%/recode_otel.c \
	%D%/trim.c
