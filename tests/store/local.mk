C_TESTS += \
	%D%/test_full_page \
	%D%/test_fuse \
	%D%/test_layout \
	%D%/test_lock \
	%D%/test_nospace \
	%D%/test_open \
	%D%/test_panic \
	%D%/test_parse
%C%_test_full_page_SOURCES = %D%/test_full_page.c %D%/smallfs.h
%C%_test_fuse_SOURCES = %D%/test_fuse.c %D%/smallfs.h
%C%_test_nospace_SOURCES = %D%/test_nospace.c %D%/smallfs.h
%C%_test_panic_LDADD = $(LDADD) -ldl
if WITH_FAULTS
C_TESTS += %D%/test_make
endif
