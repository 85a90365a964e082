/* SPDX-License-Identifier: ISC */

/*
 * The fault points, X(name, "name"), for FAULT(name) of fault.h.  Included by
 * who defines X, so there is no guard.  One line a point, by folder.
 */
X(BUF_GROW, "buf_grow")
X(CELLS_CREATE, "cells_create")
X(CELLS_OWNER, "cells_owner")
X(CELLS_STATVFS, "cells_statvfs")
X(CELLS_RESERVE_MAP, "cells_reserve_map")
X(CELLS_TRUNCATE, "cells_truncate")
X(CELLS_ALLOCATE, "cells_allocate")
X(CELLS_WRITE, "cells_write")
X(CELLS_OPEN, "cells_open")
X(CELLS_STAT, "cells_stat")
X(CELLS_READ, "cells_read")
X(CELLS_MEMORY, "cells_memory")
X(CELLS_MAP, "cells_map")
X(CELLS_GROW, "cells_grow")
X(RSEQ_PROBE, "rseq_probe")
X(FILE_LINK, "file_link")
X(ENV_MAP, "env_map")
X(ENV_OPEN, "env_open")
X(STXN_BEGIN, "stxn_begin")
X(STXN_PUT, "stxn_put")
X(STXN_COMMIT, "stxn_commit")
X(STXN_COMMITTED, "stxn_committed")
X(EPOCH_COMMIT, "epoch_commit")
X(DRAIN_COMMIT, "drain_commit")
X(CHECKPOINT_SLICE, "checkpoint_slice")
