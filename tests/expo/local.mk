C_TESTS += %D%/test_text %D%/test_keys
%C%_test_text_SOURCES = %D%/test_text.c %D%/fake.h
%C%_test_keys_SOURCES = %D%/test_keys.c %D%/fake.h
