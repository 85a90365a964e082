lib_libcore_la_SOURCES += \
	%D%/accept.c \
	%D%/expo.c \
	%D%/expo.h \
	%D%/form.h \
	%D%/head.c \
	%D%/keys.c \
	%D%/proto.c \
	%D%/put.h \
	%D%/taken.c \
	%D%/taken.h \
	%D%/text.c
