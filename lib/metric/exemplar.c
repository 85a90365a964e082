/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Updates with an exemplar: the update, then what tells of it, if that can be
 * kept.  As async-signal-safe as the update.
 */

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "lane/exemplar.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/native.h"

/* Append a word and its NUL; 0, or -1 if it is none or there is no room. */
static int
exemplar_word(struct exemplar *e, const char *word)
{
	size_t n;

	if (word == NULL)
		return -1;
	n = strnlen(word, EXEMPLAR_LEN);
	if (n >= EXEMPLAR_LEN - e->len)
		return -1;
	memcpy(e->labels + e->len, word, n);
	e->len += n;
	e->labels[e->len++] = '\0';
	return 0;
}

static int
exemplar_labels(struct exemplar *e, const struct pdc_label *labels, size_t n)
{
	size_t i;

	if (labels == NULL && n > 0)
		return -1;
	e->len = 0;
	for (i = 0; i < n; i++)
		if (exemplar_word(e, labels[i].name) < 0 ||
		    exemplar_word(e, labels[i].value) < 0 ||
		    strncmp(labels[i].name, "__", 2) == 0)
			return -1;
	return pdc_exemplar_sound(e->labels, e->len) ? 0 : -1;
}

static void
exemplar_note(struct pdc_series *s, uint32_t bucket, double value,
    const struct pdc_label *labels, size_t n)
{
	const struct cells *c;
	struct exemplar e;
	struct timespec ts;
	int saved = errno;

	/* Pairs with the release in pdc_series_mended(). */
	c = atomic_load_explicit(&s->cells, memory_order_acquire);
	e.value = value;
	clock_gettime(CLOCK_REALTIME, &ts);
	e.time_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (c == NULL || !s->family->exemplars ||
	    exemplar_labels(&e, labels, n) < 0 ||
	    pdc_exemplar_put(c, atomic_load(&s->id), bucket, &e) < 0) {
		c = pdc_cells_now(s->pdc);
		if (c != NULL)
			pdc_cells_drop(c, DROP_EXEMPLAR);
	}
	errno = saved;
}

/* Which of its exemplars one of this value is. */
static uint32_t
exemplar_bucket(const struct pdc_family *f, double value)
{
	if (f->native && f->classic.n == 0)
		return native_part(bucket_of(&f->buckets, value), f->width);
	return bucket_of(&f->classic, value);
}

void
pdc_inc_exemplar(struct pdc_series *s, double amount,
    const struct pdc_label *labels, size_t n)
{
	pdc_inc(s, amount);
	if (s != NULL && amount >= 0 && amount <= DBL_MAX)
		exemplar_note(s, 0, amount, labels, n);
}

void
pdc_observe_exemplar(struct pdc_series *s, double value,
    const struct pdc_label *labels, size_t n)
{
	pdc_observe(s, value);
	if (s != NULL && !isnan(value))
		exemplar_note(s, exemplar_bucket(s->family, value), value,
		    labels, n);
}
