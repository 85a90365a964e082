/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "base/wire.h"
#include "pdc.h"

#define BLOCK_TEXT ((size_t)32 << 10)
#define BLOCK_JOIN ((size_t)2 << 10) /* a last block up to that is filled up */
#define MICROS 1000000

/* A block that is being made; joined: it is in the store, with less. */
struct journal_part {
	struct journal_block h;
	struct buf lines, text;
	int begun;
};

struct journal {
	struct stxn *x;
	struct journal_rec rec;
	uint64_t added; /* lines */
	struct journal_part part[NSTREAMS];
	struct buf out;
};

void
pdc_journal_key(unsigned char *key, enum journal_stream stream, uint64_t seq)
{
	key[0] = 'J';
	key[1] = (unsigned char)stream;
	pdc_put_be64(key + 2, seq);
}

size_t
pdc_journal_time(char *out, int64_t us)
{
	char digits[NUM_SIZE];
	size_t len, n = 6;

	if (us < 0)
		us = 0;
	len = pdc_num_u64(out, (uint64_t)us / MICROS);
	out[len++] = '.';
	/* A 1 before, so that zeros stay. */
	pdc_num_u64(digits, MICROS + (uint64_t)us % MICROS);
	while (n > 1 && digits[n] == '0')
		n--;
	memcpy(out + len, digits + 1, n);
	return len + n;
}

int
pdc_journal_is_line(const char *text, size_t len, unsigned stream)
{
	return stream < NSTREAMS && len > 2 && text[0] == '{' &&
	    memchr(text, '\n', len) == text + len - 1;
}

int
pdc_journal_rec(struct stxn *x, struct journal_rec *rec)
{
	const void *val;
	size_t len;
	int ret;

	memset(rec, 0, sizeof(*rec));
	rec->next = 1;
	ret = pdc_stxn_get(x, "J", 1, &val, &len);
	if (ret == PDC_ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	if (len != sizeof(*rec))
		return pdc_err_set(PDC_EFORMAT,
		    "the journal's record has %zu bytes, not %zu", len,
		    sizeof(*rec));
	memcpy(rec, val, sizeof(*rec));
	return 0;
}

int
pdc_journal_view(struct journal_view *v, const void *val, size_t len)
{
	struct journal_line l, was = { 0 };
	size_t lines;
	uint32_t i;

	if (len < sizeof(v->h))
		return PDC_EFORMAT;
	memcpy(&v->h, val, sizeof(v->h));
	len -= sizeof(v->h);
	lines = (size_t)v->h.nlines * sizeof(struct journal_line);
	if (v->h.nlines == 0 || lines > len || v->h.text_len != len - lines)
		return PDC_EFORMAT;
	v->lines = (const unsigned char *)val + sizeof(v->h);
	v->text = (const char *)v->lines + lines;
	for (i = 0; i < v->h.nlines; i++, was = l) {
		l = pdc_journal_line(v, i);
		if (l.end < was.end || l.end > v->h.text_len ||
		    (i == 0 ? l.distance != 0 :
			      l.distance <= was.distance || l.us < was.us))
			return PDC_EFORMAT;
	}
	return was.end == v->h.text_len ? 0 : PDC_EFORMAT;
}

int
pdc_journal_block(struct journal_view *v, const struct journal_rec *rec,
    uint64_t seq, const void *val, size_t len)
{
	if (pdc_journal_view(v, val, len) < 0 || v->h.first != seq ||
	    seq >= rec->next ||
	    pdc_journal_line(v, v->h.nlines - 1).distance >= rec->next - seq)
		return PDC_EFORMAT;
	return 0;
}

struct journal_line
pdc_journal_line(const struct journal_view *v, uint32_t i)
{
	struct journal_line l;

	memcpy(&l, v->lines + i * sizeof(l), sizeof(l));
	return l;
}

struct journal *
pdc_journal_begin(struct stxn *x)
{
	struct journal *j = calloc(1, sizeof(*j));
	int ret;

	if (j == NULL) {
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "the journal"));
		return NULL;
	}
	j->x = x;
	ret = pdc_journal_rec(x, &j->rec);
	if (ret == PDC_EFORMAT)
		ret = pdc_journal_rebuild(x, &j->rec);
	pdc_stxn_fail(x, ret);
	return j;
}

/* Put the block as it is by now, and begin anew. */
static int
part_put(struct journal *j, enum journal_stream stream)
{
	struct journal_part *p = &j->part[stream];
	unsigned char key[JOURNAL_KEY_LEN];
	struct journal_view v;

	if (!p->begun)
		return j->x->ret;
	p->h.text_len = (uint32_t)p->text.len;
	pdc_buf_reset(&j->out);
	pdc_buf_put(&j->out, &p->h, sizeof(p->h));
	pdc_buf_put(&j->out, p->lines.data, p->lines.len);
	pdc_buf_put(&j->out, p->text.data, p->text.len);
	if (j->out.error || p->lines.error || p->text.error)
		pdc_stxn_fail(j->x, pdc_err_set(PDC_ENOMEM, "the journal"));
	pdc_journal_key(key, stream, p->h.first);
	pdc_stxn_put(j->x, key, sizeof(key), j->out.data, j->out.len);
	p->begun = 0;
	if (j->x->ret == 0 &&
	    pdc_journal_view(&v, j->out.data, j->out.len) == 0)
		pdc_journal_names(j->x, stream, &v, 1);
	return j->x->ret;
}

/* Go on with the last block of the stream, if it is small. */
static void
part_join(struct journal *j, enum journal_stream stream)
{
	struct journal_part *p = &j->part[stream];
	unsigned char key[JOURNAL_KEY_LEN];
	struct journal_view v;
	const void *val;
	size_t len;

	if (j->rec.stream[stream].last == 0)
		return;
	pdc_journal_key(key, stream, j->rec.stream[stream].last);
	if (pdc_stxn_get(j->x, key, sizeof(key), &val, &len) != 0 ||
	    pdc_journal_block(&v, &j->rec, j->rec.stream[stream].last, val,
		len) < 0 ||
	    v.h.text_len > BLOCK_JOIN ||
	    j->rec.next - v.h.first > UINT32_MAX / 2)
		return;
	p->h = v.h;
	p->begun = 1;
	pdc_buf_put(&p->lines, v.lines,
	    v.h.nlines * sizeof(struct journal_line));
	pdc_buf_put(&p->text, v.text, v.h.text_len);
}

static void
part_begin(struct journal *j, enum journal_stream stream, int join)
{
	struct journal_part *p = &j->part[stream];

	pdc_buf_reset(&p->lines);
	pdc_buf_reset(&p->text);
	if (join)
		part_join(j, stream);
	if (p->begun)
		return;
	memset(&p->h, 0, sizeof(p->h));
	p->h.first = j->rec.next;
	p->begun = 1;
	j->rec.stream[stream].last = p->h.first;
}

int
pdc_journal_add(struct journal *j, const struct journal_text *t)
{
	struct journal_part *p = &j->part[t->stream];
	struct journal_stream_rec *s = &j->rec.stream[t->stream];
	struct journal_line l;
	char time[NUM_SIZE];
	size_t was, n;

	if (j->x->ret < 0)
		return j->x->ret;
	if (p->begun && p->text.len + t->len > BLOCK_TEXT) {
		part_put(j, t->stream);
		part_begin(j, t->stream, 0);
	} else if (!p->begun) {
		part_begin(j, t->stream, 1);
	}
	j->rec.last_us = t->us > j->rec.last_us ? t->us : j->rec.last_us + 1;
	was = p->text.len;
	n = pdc_journal_time(time, j->rec.last_us);
	pdc_buf_put(&p->text, t->text, t->at);
	pdc_buf_str(&p->text, "\"timestamp\": ");
	pdc_buf_put(&p->text, time, n);
	pdc_buf_put(&p->text, ", ", 2);
	pdc_buf_put(&p->text, t->text + t->at, t->len - t->at);
	l.distance = (uint32_t)(j->rec.next - p->h.first);
	l.end = (uint32_t)p->text.len;
	l.us = j->rec.last_us;
	pdc_buf_put(&p->lines, &l, sizeof(l));
	p->h.nlines++;
	s->nlines++;
	s->bytes += p->text.len - was;
	j->rec.next++;
	j->added++;
	return 0;
}

int
pdc_journal_end(struct journal *j)
{
	struct stxn *x = j->x;
	int i;

	for (i = 0; i < NSTREAMS; i++) {
		part_put(j, i);
		pdc_buf_fini(&j->part[i].lines);
		pdc_buf_fini(&j->part[i].text);
	}
	pdc_buf_fini(&j->out);
	/* Twice, so that also a limit that was set late is come to. */
	pdc_stxn_fail(x, pdc_journal_trim(x, &j->rec, 2 * j->added));
	pdc_stxn_put(x, "J", 1, &j->rec, sizeof(j->rec));
	free(j);
	return x->ret;
}
