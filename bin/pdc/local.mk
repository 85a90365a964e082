noinst_LTLIBRARIES += %D%/libpdccmd.la
%C%_libpdccmd_la_SOURCES = \
	%D%/check.c \
	%D%/cmd.c \
	%D%/cmd.h \
	%D%/compare.c \
	%D%/family.c \
	%D%/get.c \
	%D%/latest.c \
	%D%/log.c \
	%D%/logs.c \
	%D%/options.c \
	%D%/pages.c \
	%D%/parse.c \
	%D%/remove.c \
	%D%/repair.c \
	%D%/retain.c \
	%D%/stat.c \
	%D%/text.c \
	%D%/text.h \
	%D%/update.c \
	%D%/who.c

bin_PROGRAMS += %D%/pdc
%C%_pdc_SOURCES = %D%/main.c
%C%_pdc_LDADD = %D%/libpdccmd.la lib/libcore.la
dist_man_MANS += %D%/pdc.1
