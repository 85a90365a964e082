/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "journal/json.h"

#define CONTEXT_MAX 1024 /* fields */
#define JSON_GROWS 6 /* a byte to so many at most */

/* In a signal handler nothing may be allocated for it. */
static _Thread_local struct context *context_top
    __attribute__((tls_model("initial-exec")));
static pthread_key_t context_key;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;
static int context_keyed;

const struct context *
pdc_context_now(void)
{
	return context_top;
}

static void
context_end(void *top)
{
	struct context *c = top, *below;

	context_top = NULL;
	for (; c != NULL; c = below) {
		below = c->below;
		free(c);
	}
}

static void
context_init(void)
{
	context_keyed = pthread_key_create(&context_key, context_end) == 0;
}

/* What a signal handler sees is whole. */
static void
context_show(struct context *c)
{
	pthread_once(&context_once, context_init);
	if (context_keyed)
		pthread_setspecific(context_key, c);
	atomic_signal_fence(memory_order_seq_cst);
	context_top = c;
	atomic_signal_fence(memory_order_seq_cst);
}

static int
context_json(const struct pdc_field *f)
{
	size_t room = JSON_GROWS * strlen(f->text) + LINE_MIN;
	struct line l = { .data = malloc(room), .room = room };
	int ret;

	if (l.data == NULL)
		return pdc_err_set(PDC_ENOMEM, "context: %s", f->name);
	ret = pdc_json_copy(&l, f->text, room);
	free(l.data);
	if (ret < 0)
		return pdc_err_set(PDC_EINVAL, "context: %s is no JSON",
		    f->name);
	return 0;
}

static int
context_check(const struct pdc_field *f, size_t n)
{
	size_t i;
	int ret = 0;

	if (n > CONTEXT_MAX || (n > 0 && f == NULL))
		return pdc_err_set(PDC_EINVAL, "context: 0 to %d fields",
		    CONTEXT_MAX);
	for (i = 0; i < n && ret == 0; i++) {
		if (f[i].name == NULL || f[i].kind < PDC_STRING ||
		    f[i].kind > PDC_JSON)
			return pdc_err_set(PDC_EINVAL,
			    "context: field %zu has no name or no kind", i);
		if (!field_has_text(&f[i]))
			continue;
		if (f[i].text == NULL)
			return pdc_err_set(PDC_EINVAL, "context: %s is NULL",
			    f[i].name);
		if (f[i].kind == PDC_JSON)
			ret = context_json(&f[i]);
	}
	return ret;
}

/* At the place of its name, or at the end. */
static void
context_merge(struct context *c, const struct pdc_field *f, size_t n)
{
	size_t i;
	uint32_t j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < c->nfields; j++)
			if (strcmp(c->fields[j].name, f[i].name) == 0)
				break;
		c->fields[j] = f[i];
		c->nfields += j == c->nfields;
	}
}

static const char *
context_keep(char **to, const char *s)
{
	size_t len = strlen(s) + 1;
	char *at = *to;

	memcpy(at, s, len);
	*to += len;
	return at;
}

/* An entry of what below has and these fields, with copies of all texts. */
static struct context *
context_new(const struct context *base, const struct pdc_field *f, size_t n)
{
	size_t max = n + (base != NULL ? base->nfields : 0), size;
	struct context *all, *c = NULL;
	uint32_t i;
	char *to;

	size = sizeof(*c) + max * sizeof(c->fields[0]);
	all = calloc(1, size);
	if (all == NULL)
		return NULL;
	if (base != NULL)
		context_merge(all, base->fields, base->nfields);
	context_merge(all, f, n);
	for (i = 0; i < all->nfields; i++) {
		size += strlen(all->fields[i].name) + 1;
		if (field_has_text(&all->fields[i]))
			size += strlen(all->fields[i].text) + 1;
	}
	c = malloc(size);
	if (c != NULL) {
		memcpy(c, all, sizeof(*c) + max * sizeof(c->fields[0]));
		to = (char *)&c->fields[max];
		for (i = 0; i < c->nfields; i++) {
			c->fields[i].name = context_keep(&to,
			    c->fields[i].name);
			if (field_has_text(&c->fields[i]))
				c->fields[i].text = context_keep(&to,
				    c->fields[i].text);
		}
	}
	free(all);
	return c;
}

/* Instead of the entry on top, or on it. */
static int
context_put(const struct pdc_field *f, size_t n, int push)
{
	struct context *top = context_top, *c;
	int ret = context_check(f, n);

	if (ret < 0)
		return ret;
	c = context_new(push ? top : NULL, f, n);
	if (c == NULL || (push && c->nfields > CONTEXT_MAX)) {
		free(c);
		return pdc_err_set(PDC_ENOMEM, "context: no memory for %zu", n);
	}
	c->below = push || top == NULL ? top : top->below;
	context_show(c);
	if (!push)
		free(top);
	return 0;
}

int
pdc_context_push(const struct pdc_field *fields, size_t nfields)
{
	return context_put(fields, nfields, 1);
}

int
pdc_context_set(const struct pdc_field *fields, size_t nfields)
{
	return context_put(fields, nfields, 0);
}

void
pdc_context_pop(void)
{
	struct context *top = context_top;

	if (top == NULL)
		return;
	context_show(top->below);
	free(top);
}

void
pdc_context_clear(void)
{
	struct context *top = context_top;

	context_show(NULL);
	context_end(top);
}
