lib_libcore_la_SOURCES += \
	%D%/checkpoint.h \
	%D%/checkpoint.c \
	%D%/closed.c \
	%D%/drain.c \
	%D%/epoch.c \
	%D%/expire.c \
	%D%/fold.c \
	%D%/idle.c \
	%D%/maintain.c \
	%D%/salvage.c \
	%D%/sweep.c \
	%D%/use.c \
	%D%/walk.c
