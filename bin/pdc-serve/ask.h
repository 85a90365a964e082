/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_ASK_H
#define PDC_SERVE_ASK_H

/* What a request wants of the page: its headers and its query. */

#include "expo/expo.h"

struct MHD_Connection;

struct ask {
	struct expo_how how;
	enum expo_coding coding;
	const char **names; /* of name[], then NULL; NULL: all */
};

/* 0, or -1: no memory.  names point into the request. */
int ask_read(struct ask *, struct MHD_Connection *);
void ask_fini(struct ask *);

#endif
