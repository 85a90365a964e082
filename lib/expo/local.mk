lib_libcore_la_SOURCES += \
	%D%/expo.h \
	%D%/keys.c \
	%D%/put.h \
	%D%/text.c
