/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "expo/taken.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "pdc.h"

#define TAKEN_FIRST 64

/* Where the name is, or could be put. */
static char **
taken_find(const struct taken *t, const char *name)
{
	uint64_t hash[2];
	uint32_t i;

	pdc_hash128(hash, name, strlen(name));
	for (i = (uint32_t)hash[0] & t->mask; t->table[i] != NULL;
	     i = (i + 1) & t->mask)
		if (strcmp(t->table[i], name) == 0)
			break;
	return &t->table[i];
}

int
pdc_taken_has(const struct taken *t, const char *name)
{
	return t->table != NULL && *taken_find(t, name) != NULL;
}

/* Half of it stays free. */
static int
taken_grow(struct taken *t)
{
	struct taken bigger = TAKEN_EMPTY;
	uint32_t i, n = t->table == NULL ? TAKEN_FIRST : (t->mask + 1) * 2;

	bigger.table = calloc(n, sizeof(*bigger.table));
	if (bigger.table == NULL)
		return PDC_ENOMEM;
	bigger.mask = n - 1;
	bigger.n = t->n;
	for (i = 0; t->table != NULL && i <= t->mask; i++)
		if (t->table[i] != NULL)
			*taken_find(&bigger, t->table[i]) = t->table[i];
	free(t->table);
	*t = bigger;
	return 0;
}

int
pdc_taken_add(struct taken *t, const char *name)
{
	char **place;

	if ((t->table == NULL || t->n > t->mask / 2) && taken_grow(t) < 0)
		return PDC_ENOMEM;
	place = taken_find(t, name);
	if (*place != NULL)
		return 0;
	*place = strdup(name);
	if (*place == NULL)
		return PDC_ENOMEM;
	t->n++;
	return 0;
}

void
pdc_taken_fini(struct taken *t)
{
	uint32_t i;

	for (i = 0; t->table != NULL && i <= t->mask; i++)
		free(t->table[i]);
	free(t->table);
	memset(t, 0, sizeof(*t));
}
