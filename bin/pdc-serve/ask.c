/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/ask.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

/* A header may come in several lines, which are one list. */
struct ask_header {
	const char *name;
	struct buf text;
};

static enum MHD_Result
ask_line(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct ask_header *header = cls;

	(void)kind;
	if (value == NULL || strcasecmp(key, header->name) != 0)
		return MHD_YES;
	if (header->text.len > 0)
		pdc_buf_chr(&header->text, ',');
	pdc_buf_str(&header->text, value);
	return MHD_YES;
}

/* All of its lines; the text is to be freed, and NULL if there is none. */
static int
ask_header(char **text, struct MHD_Connection *connection, const char *name)
{
	struct ask_header header = { .name = name };
	int some;

	pdc_buf_init(&header.text);
	MHD_get_connection_values(connection, MHD_HEADER_KIND, ask_line,
	    &header);
	some = header.text.len > 0;
	if (some)
		pdc_buf_chr(&header.text, '\0');
	if (header.text.error < 0 || !some)
		pdc_buf_fini(&header.text);
	*text = header.text.data;
	return some && *text == NULL ? -1 : 0;
}

/* The values of name[]: counted, and kept where there is room for them. */
struct ask_names {
	const char **list;
	size_t n;
};

static enum MHD_Result
ask_name(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct ask_names *names = cls;

	(void)kind;
	if (strcmp(key, "name[]") != 0)
		return MHD_YES;
	if (names->list != NULL)
		names->list[names->n] = value != NULL ? value : "";
	names->n++;
	return MHD_YES;
}

static int
ask_names(struct ask *ask, struct MHD_Connection *connection)
{
	struct ask_names names = { NULL, 0 };

	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, ask_name,
	    &names);
	if (names.n == 0)
		return 0;
	names.list = calloc(names.n + 1, sizeof(*names.list));
	if (names.list == NULL)
		return -1;
	names.n = 0;
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, ask_name,
	    &names);
	ask->names = names.list;
	return 0;
}

int
ask_read(struct ask *ask, struct MHD_Connection *connection)
{
	char *accept, *coding = NULL;
	int ret;

	memset(ask, 0, sizeof(*ask));
	ret = ask_header(&accept, connection, MHD_HTTP_HEADER_ACCEPT);
	if (ret == 0)
		ret = ask_header(&coding, connection,
		    MHD_HTTP_HEADER_ACCEPT_ENCODING);
	if (ret == 0)
		ret = ask_names(ask, connection);
	pdc_accept_format(&ask->how, accept);
	ask->coding = pdc_accept_coding(coding);
	free(accept);
	free(coding);
	return ret;
}

void
ask_fini(struct ask *ask)
{
	free(ask->names);
	ask->names = NULL;
}
