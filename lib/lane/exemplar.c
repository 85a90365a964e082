/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "lane/exemplar.h"

#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/hash.h"
#include "lane/atomic.h"
#include "lane/shape.h"

#define EXEMPLAR_PROBES 8
#define CLAIM_NS 1000000000

/* What of struct exemplar there is, for labels of so many bytes. */
#define EXEMPLAR_HEAD offsetof(struct exemplar, labels)
#define EXEMPLAR_WORDS (sizeof(struct exemplar) / sizeof(uint64_t))

/* claim: odd while somebody writes, with the time he began. */
struct exemplar_buffer {
	_Atomic uint64_t claim, hash;
	_Atomic uint64_t word[EXEMPLAR_WORDS];
};

struct exemplar_place {
	struct word16 key; /* id; bucket and 1: 0 if it is free */
	struct exemplar_buffer buffer[2];
};

_Static_assert(sizeof(struct exemplar_place) == EXEMPLAR_PLACE,
    "the size of a place");

/* The word at s, if it is one: where the next begins, or NULL. */
static const char *
exemplar_word(const char *s, const char *end, uint32_t *points)
{
	const char *nul = memchr(s, '\0', (size_t)(end - s)), *at;

	if (nul == NULL || !pdc_utf8_valid(s, (size_t)(nul - s)))
		return NULL;
	for (at = s; at < nul; at++)
		*points += ((unsigned char)*at & 0xc0) != 0x80;
	return nul + 1;
}

int
pdc_exemplar_sound(const char *labels, size_t len)
{
	const char *name, *value, *was, *next, *end = labels + len;
	uint32_t points = 0;

	for (name = labels; name < end; name = next) {
		value = exemplar_word(name, end, &points);
		if (value == NULL || *name == '\0' ||
		    strcmp(name, "__name__") == 0)
			return 0;
		next = exemplar_word(value, end, &points);
		if (next == NULL)
			return 0;
		for (was = labels; was < name; was += strlen(was) + 1) {
			if (strcmp(was, name) == 0)
				return 0;
			was += strlen(was) + 1;
		}
	}
	return points <= EXEMPLAR_POINTS;
}

static size_t
exemplar_words(uint64_t len)
{
	return (EXEMPLAR_HEAD + len + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

static uint64_t
exemplar_hash(const struct word16 *key, const uint64_t *word, uint64_t len)
{
	return pdc_hash(word, exemplar_words(len) * sizeof(*word),
	    pdc_hash(key, sizeof(*key), 0));
}

static int64_t
buffer_time(const struct exemplar_buffer *b)
{
	return (int64_t)atomic_load_explicit(&b->word[0], memory_order_relaxed);
}

static int64_t
place_time(const struct exemplar_place *at)
{
	int64_t a = buffer_time(&at->buffer[0]);
	int64_t b = buffer_time(&at->buffer[1]);

	return a > b ? a : b;
}

static struct exemplar_place *
place_nth(const struct cells *c, const struct word16 *key, unsigned n)
{
	uint64_t i = pdc_hash(key, sizeof(*key), 1) + n;

	return (struct exemplar_place *)c->exemplars +
	    (i & (c->nexemplars - 1));
}

static int
place_has(const struct exemplar_place *at, const struct word16 *key)
{
	struct word16 w = atomic_peek16(&at->key);

	return w.lo == key->lo && w.hi == key->hi;
}

/* The place of a key: its own, else one that is free or gives way. */
static struct exemplar_place *
place_take(const struct cells *c, const struct word16 *key)
{
	struct exemplar_place *at, *best = NULL;
	struct word16 was;
	int64_t oldest = 0, t;
	unsigned i;

	for (i = 0; i < EXEMPLAR_PROBES; i++) {
		at = place_nth(c, key, i);
		if (place_has(at, key))
			return at;
		t = atomic_peek16(&at->key).hi == 0 ? INT64_MIN :
						      place_time(at);
		if (best == NULL || t < oldest) {
			best = at;
			oldest = t;
		}
	}
	was = atomic_peek16(&best->key);
	if (atomic_cas16(&best->key, &was, *key) || place_has(best, key))
		return best;
	return NULL;
}

/* The claim that is ours, 0 if somebody is at it. */
static uint64_t
buffer_claim(struct exemplar_buffer *b, uint64_t now)
{
	uint64_t was = atomic_load(&b->claim), mine = now | 1;

	if ((was & 1) != 0 && now - was < CLAIM_NS)
		return 0;
	if (mine == was)
		mine += 2;
	return atomic_compare_exchange_strong(&b->claim, &was, mine) ? mine : 0;
}

static void
buffer_write(struct exemplar_buffer *b, uint64_t mine, const struct word16 *key,
    const uint64_t *word, uint64_t len)
{
	size_t i, n = exemplar_words(len);

	for (i = 0; i < n; i++)
		atomic_store_explicit(&b->word[i], word[i],
		    memory_order_relaxed);
	atomic_store_explicit(&b->hash, exemplar_hash(key, word, len),
	    memory_order_relaxed);
	/* Pairs with the acquire in buffer_read(). */
	(void)atomic_compare_exchange_strong(&b->claim, &mine, mine + 1);
}

int
pdc_exemplar_put(const struct cells *c, uint64_t id, uint32_t bucket,
    const struct exemplar *e)
{
	const struct word16 key = { id, (uint64_t)bucket + 1 };
	struct clock real = { .mono_skew_ns = 0 };
	uint64_t now, mine, word[EXEMPLAR_WORDS];
	struct exemplar_place *at;
	int older, i;

	if (c->rdonly || e->len > EXEMPLAR_LEN ||
	    !atomic_load_explicit(&c->head->exemplars_ready,
		memory_order_acquire))
		return -1;
	at = place_take(c, &key);
	if (at == NULL)
		return 0; /* there is a newer one, of another */
	memset(word, 0, exemplar_words(e->len) * sizeof(*word));
	memcpy(word, e, EXEMPLAR_HEAD + e->len);
	now = (uint64_t)pdc_clock_mono(&real);
	older = buffer_time(&at->buffer[0]) > buffer_time(&at->buffer[1]);
	for (i = 0; i < 2; i++) {
		mine = buffer_claim(&at->buffer[older ^ i], now);
		if (mine == 0)
			continue;
		buffer_write(&at->buffer[older ^ i], mine, &key, word, e->len);
		break;
	}
	return 0;
}

static int
buffer_read(const struct exemplar_buffer *b, const struct word16 *key,
    struct exemplar *e)
{
	uint64_t claim, hash, word[EXEMPLAR_WORDS];
	struct exemplar got;
	size_t i, n;

	claim = atomic_load_explicit(&b->claim, memory_order_acquire);
	if (claim == 0 || (claim & 1) != 0)
		return 0;
	for (i = 0; i < EXEMPLAR_HEAD / sizeof(uint64_t); i++)
		word[i] = atomic_load_explicit(&b->word[i],
		    memory_order_relaxed);
	memcpy(&got, word, EXEMPLAR_HEAD);
	if (got.len > EXEMPLAR_LEN)
		return 0;
	for (n = exemplar_words(got.len); i < n; i++)
		word[i] = atomic_load_explicit(&b->word[i],
		    memory_order_relaxed);
	hash = atomic_load_explicit(&b->hash, memory_order_acquire);
	if (atomic_load(&b->claim) != claim ||
	    hash != exemplar_hash(key, word, got.len))
		return 0;
	memcpy(e, word, EXEMPLAR_HEAD + got.len);
	return pdc_exemplar_sound(e->labels, e->len);
}

int
pdc_exemplar_get(const struct cells *c, uint64_t id, uint32_t bucket,
    struct exemplar *e)
{
	const struct word16 key = { id, (uint64_t)bucket + 1 };
	const struct exemplar_place *at;
	struct exemplar one;
	unsigned i;
	int j, any = 0;

	if (!atomic_load_explicit(&c->head->exemplars_ready,
		memory_order_acquire))
		return 0;
	for (i = 0; i < EXEMPLAR_PROBES; i++) {
		at = place_nth(c, &key, i);
		for (j = 0; j < 2 && place_has(at, &key); j++) {
			if (!buffer_read(&at->buffer[j], &key, &one) ||
			    (any && one.time_ns < e->time_ns))
				continue;
			memcpy(e, &one, EXEMPLAR_HEAD + one.len);
			any = 1;
		}
	}
	return any;
}
