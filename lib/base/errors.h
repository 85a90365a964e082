/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_ERRORS_H
#define PDC_BASE_ERRORS_H

/*
 * The errors, once: X(name, value, text).  The values are those of enum
 * pdc_error in pdc.h, which err.c checks; they never change and new ones go to
 * the end.
 */
#define PDC_ERRORS(X) \
	X(PDC_EINVAL, -1001, "invalid argument") \
	X(PDC_ENOMEM, -1002, "out of memory") \
	X(PDC_ESYS, -1003, "system call failed") \
	X(PDC_EFORMAT, -1004, "not a pdc store, or damaged") \
	X(PDC_EVERSION, -1005, "a store of another format version") \
	X(PDC_EPERM, -1006, "no permission") \
	X(PDC_EBUSY, -1007, "the store is busy") \
	X(PDC_EAGAIN, -1008, "what was read has changed; begin again") \
	X(PDC_ENOENT, -1009, "no such metric or series") \
	X(PDC_EEXIST, -1010, "declared differently") \
	X(PDC_ENOSPC, -1011, "no space left in the store or its file system") \
	X(PDC_EFULL, -1012, "budget exhausted") \
	X(PDC_ENOTSUP, -1013, "not supported") \
	X(PDC_ECHILD, -1014, "made before a fork by the parent") \
	X(PDC_ERANGE, -1015, "out of range") \
	X(PDC_ESTORE, -1016, "the store's database failed") \
	X(PDC_ECANCELED, -1017, "ended by the caller")

#endif
