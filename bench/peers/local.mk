# The programs that the driver compares: see peer.h for what they speak.
PEERS = %D%/floor
%C%_floor_SOURCES = %D%/floor.c %D%/peer.c %D%/peer.h
%C%_floor_LDADD =

EXTRA_PROGRAMS += $(PEERS)
CLEANFILES += $(PEERS)

.PHONY: bench-peers
bench-peers: $(PEERS)
