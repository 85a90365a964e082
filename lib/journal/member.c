/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/member.h"

#include <string.h>

/* The end of the string at s, behind its quote. */
static const char *
member_string(const char *s, const char *end)
{
	for (s++; s < end && *s != '"'; s++)
		if (*s == '\\' && s + 1 < end)
			s++;
	return s < end ? s + 1 : end;
}

/* The end of an element: its comma, or the bracket of what it is in. */
static const char *
member_end(const char *s, const char *end)
{
	size_t depth = 0;

	while (s < end) {
		if (*s == '"') {
			s = member_string(s, end);
			continue;
		}
		if (*s == '{' || *s == '[')
			depth++;
		else if ((*s == '}' || *s == ']') && depth-- == 0)
			return s;
		else if (*s == ',' && depth == 0)
			return s;
		s++;
	}
	return end;
}

struct members
pdc_members(struct span s)
{
	struct members m = { s.s, s.s };

	if (s.len >= 2) {
		m.at = s.s + 1;
		m.end = s.s + s.len - 1;
	}
	return m;
}

int
pdc_element_next(struct members *m, struct span *out)
{
	const char *stop = member_end(m->at, m->end);

	if (m->at == m->end)
		return 0;
	out->s = m->at;
	out->len = (size_t)(stop - m->at);
	m->at = m->end - stop > 2 ? stop + 2 : m->end;
	return 1;
}

int
pdc_member_next(struct members *m, struct member *out)
{
	const char *stop;
	struct span s;

	if (!pdc_element_next(m, &s) || *s.s != '"')
		return 0;
	stop = member_string(s.s, s.s + s.len);
	if (s.s + s.len - stop < 2 || memcmp(stop, ": ", 2) != 0)
		return 0;
	out->name.s = s.s + 1;
	out->name.len = (size_t)(stop - s.s) - 2;
	out->value.s = stop + 2;
	out->value.len = (size_t)(s.s + s.len - stop) - 2;
	return 1;
}

int
pdc_span_is(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.s, word, s.len) == 0;
}
