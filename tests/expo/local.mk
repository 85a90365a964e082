C_TESTS += \
	%D%/test_accept \
	%D%/test_keys \
	%D%/test_om \
	%D%/test_proto \
	%D%/test_text
%C%_test_keys_SOURCES = %D%/test_keys.c %D%/fake.h
%C%_test_om_SOURCES = %D%/test_om.c %D%/fake.h
%C%_test_proto_SOURCES = %D%/test_proto.c %D%/fake.h
%C%_test_text_SOURCES = %D%/test_text.c %D%/fake.h
SH_TESTS += %D%/test_go.sh
TEST_HELPERS += %D%/numbers
EXTRA_DIST += %D%/decode.go %D%/go.sh %D%/numbers.go
