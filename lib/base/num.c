/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/num.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdc.h"

#include "base/shortest.h"

#define NUM_EXACT 9007199254740992.0 /* 2^53: integers below are all there */
#define NUM_DIGITS 800 /* more than 767 decide nothing but a tie */
#define NUM_EXP_MAX 99999

static const char num_pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

/* The number of digits of v. */
static int
num_count(uint64_t v)
{
	static const uint64_t powers[] = { 0, 10u, 100u, 1000u, 10000u, 100000u,
		1000000u, 10000000u, 100000000u, 1000000000u, 10000000000u,
		100000000000u, 1000000000000u, 10000000000000u,
		100000000000000u, 1000000000000000u, 10000000000000000u,
		100000000000000000u, 1000000000000000000u,
		10000000000000000000u };
	/* 1233/4096 is just over the logarithm of 2. */
	int n = (64 - __builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= powers[n]);
}

/* Write the n digits of v. */
static inline void
num_put(char *out, uint64_t v, int n)
{
	uint32_t low;

	for (; v > UINT32_MAX; n -= 2, v /= 100)
		memcpy(out + n - 2, num_pairs + v % 100 * 2, 2);
	/* Dividing is quicker then. */
	for (low = (uint32_t)v; n > 1; n -= 2, low /= 100)
		memcpy(out + n - 2, num_pairs + low % 100 * 2, 2);
	if (n == 1)
		out[0] = (char)('0' + low);
}

/* Write 5, 5.1, with exponent: 5e+06, 5.1e-07.  Returns the end. */
static char *
num_put_exp(char *out, uint64_t digits, int n, int exp)
{
	num_put(out + 1, digits, n);
	out[0] = out[1];
	if (n > 1) {
		out[1] = '.';
		out += n + 1;
	} else {
		out++;
	}
	*out++ = 'e';
	*out++ = exp < 0 ? '-' : '+';
	exp = abs(exp);
	n = exp < 100 ? 2 : 3;
	num_put(out, (uint64_t)exp, n);
	return out + n;
}

/* Write 500, 5.1, 0.0051.  Returns the end. */
static char *
num_put_plain(char *out, uint64_t digits, int n, int exp)
{
	if (exp < 0) {
		memcpy(out, "0.000", 5);
		num_put(out + 1 - exp, digits, n);
		return out + 1 - exp + n;
	}
	if (exp >= n - 1) {
		num_put(out, digits, n);
		memset(out + n, '0', (size_t)(exp + 1 - n));
		return out + exp + 1;
	}
	num_put(out + 1, digits, n);
	memmove(out, out + 1, (size_t)exp + 1);
	out[exp + 1] = '.';
	return out + n + 1;
}

/* Write digits * 10^exp10, with exponent from 10^high on.  Returns the end. */
static char *
num_layout(char *out, uint64_t digits, int exp10, int high)
{
	int n = num_count(digits), exp = exp10 + n - 1;

	if (exp < -4 || exp >= high)
		return num_put_exp(out, digits, n, exp);
	return num_put_plain(out, digits, n, exp);
}

/* Of 0 to NUM_EXACT; to an integer with a sign is the quicker way. */
static inline int
num_whole(double v)
{
	return (double)(int64_t)v == v;
}

static size_t
num_special(char *out, double v)
{
	const char *s = "NaN";

	if (!isnan(v))
		s = v > 0 ? "+Inf" : "-Inf";
	strcpy(out, s);
	return strlen(s);
}

size_t
pdc_num_u64(char *out, uint64_t v)
{
	int n = num_count(v);

	num_put(out, v, n);
	out[n] = '\0';
	return (size_t)n;
}

size_t
pdc_num_go(char *out, double v)
{
	char *end = out;
	uint64_t digits;
	int exp10 = 0;

	if (v >= 0 && v < 1e6 && num_whole(v))
		return pdc_num_u64(out, (uint64_t)v);
	if (!isfinite(v))
		return num_special(out, v);
	if (v < 0) {
		*end++ = '-';
		v = -v;
	}
	if (v < NUM_EXACT && num_whole(v)) {
		digits = (uint64_t)v;
		if (v < 1e6)
			return (size_t)(end - out) + pdc_num_u64(end, digits);
		digits = pdc_shortest_strip(&exp10, digits);
	} else {
		digits = pdc_shortest_digits(&exp10, v);
	}
	end = num_layout(end, digits, exp10, 6);
	*end = '\0';
	return (size_t)(end - out);
}

size_t
pdc_num_json(char *out, double v)
{
	char *end = out;
	uint64_t digits;
	int exp10 = 0;

	if (!isfinite(v))
		return strlen(strcpy(out, "null"));
	if (signbit(v)) {
		*end++ = '-';
		v = -v;
	}
	if (v < NUM_EXACT && num_whole(v)) {
		end += pdc_num_u64(end, (uint64_t)v);
		memcpy(end, ".0", 3);
		return (size_t)(end - out) + 2;
	}
	digits = pdc_shortest_digits(&exp10, v);
	end = num_layout(end, digits, exp10, 16);
	*end = '\0';
	if (strpbrk(out, ".e") == NULL) {
		memcpy(end, ".0", 3);
		end += 2;
	}
	return (size_t)(end - out);
}

size_t
pdc_num_i64(char *out, int64_t v)
{
	if (v >= 0)
		return pdc_num_u64(out, (uint64_t)v);
	*out = '-';
	return 1 + pdc_num_u64(out + 1, -(uint64_t)v);
}

size_t
pdc_num_om(char *out, double v)
{
	size_t len;

	if (v >= 0 && v < 1e6 && num_whole(v)) {
		len = pdc_num_u64(out, (uint64_t)v);
		memcpy(out + len, ".0", 3);
		return len + 2;
	}
	len = pdc_num_go(out, v);
	if (!isfinite(v) || strpbrk(out, ".e") != NULL)
		return len;
	memcpy(out + len, ".0", 3);
	return len + 2;
}

/* A number being read: its digits times 10^exp. */
struct num_scan {
	char digits[NUM_DIGITS + 16]; /* without zeros before, no NUL */
	size_t ndigits;
	uint64_t head; /* the first 19 */
	int64_t exp;
	int lost; /* a digit not 0 was left out */
};

static void
num_scan_digit(struct num_scan *n, char c, int fraction)
{
	if (n->ndigits == 0 && c == '0') {
		n->exp -= fraction;
	} else if (n->ndigits < NUM_DIGITS) {
		if (n->ndigits < 19)
			n->head = n->head * 10 + (uint64_t)(c - '0');
		n->digits[n->ndigits++] = c;
		n->exp -= fraction;
	} else {
		n->lost |= c != '0';
		n->exp += !fraction;
	}
}

/* Read digits with or without a point; the end, or NULL if there are none. */
static const char *
num_scan_mantissa(struct num_scan *n, const char *s, const char *end)
{
	int fraction = 0, any = 0;

	for (; s < end; s++) {
		if (*s == '.' && !fraction) {
			fraction = 1;
		} else if (*s >= '0' && *s <= '9') {
			any = 1;
			num_scan_digit(n, *s, fraction);
		} else {
			break;
		}
	}
	return any ? s : NULL;
}

/* Read an exponent up to the end.  Returns whether it is one. */
static int
num_scan_exp(struct num_scan *n, const char *s, const char *end)
{
	int64_t exp = 0;
	int negative;

	if (*s != 'e' && *s != 'E')
		return 0;
	s++;
	negative = s < end && *s == '-';
	if (s < end && (*s == '-' || *s == '+'))
		s++;
	if (s == end)
		return 0;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return 0;
		if (exp < INT64_MAX / 100)
			exp = exp * 10 + (*s - '0');
	}
	n->exp += negative ? -exp : exp;
	return 1;
}

/*
 * The value: exact arithmetic where that is enough, else strtod(), which sees
 * no point and so no locale.
 */
static double
num_scan_value(struct num_scan *n)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
		1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
		1e19, 1e20, 1e21, 1e22 };
	int saved = errno;
	double v;

	/* With more than 19 digits the first 19 are a larger number. */
	if (n->head <= (uint64_t)NUM_EXACT) {
		if (n->exp >= 0 && n->exp <= 22)
			return (double)n->head * powers[n->exp];
		if (n->exp < 0 && n->exp >= -22)
			return (double)n->head / powers[-n->exp];
	}
	if (n->ndigits == 0)
		return 0;
	if (n->lost) {
		n->digits[n->ndigits++] = '1';
		n->exp--;
	}
	if (n->exp > NUM_EXP_MAX)
		n->exp = NUM_EXP_MAX;
	if (n->exp < -NUM_EXP_MAX)
		n->exp = -NUM_EXP_MAX;
	snprintf(n->digits + n->ndigits, sizeof(n->digits) - n->ndigits, "e%d",
	    (int)n->exp);
	v = strtod(n->digits, NULL);
	errno = saved;
	return v;
}

/* Whether s is word in any case of letters; word is in lower case. */
static int
num_word(const char *s, size_t len, const char *word)
{
	size_t i;

	if (len != strlen(word))
		return 0;
	for (i = 0; i < len; i++)
		if ((s[i] | 0x20) != word[i])
			return 0;
	return 1;
}

static int
num_parse_unsigned(double *out, const char *s, size_t len)
{
	const char *end = s + len;
	struct num_scan n;

	if (num_word(s, len, "inf") || num_word(s, len, "infinity")) {
		*out = INFINITY;
		return 0;
	}
	n.ndigits = 0;
	n.head = 0;
	n.exp = 0;
	n.lost = 0;
	s = num_scan_mantissa(&n, s, end);
	if (s == NULL || (s < end && !num_scan_exp(&n, s, end)))
		return PDC_EINVAL;
	*out = num_scan_value(&n);
	return isinf(*out) ? PDC_EINVAL : 0;
}

int
pdc_num_parse(double *out, const char *s, size_t len)
{
	int negative, ret;
	double v;

	if (num_word(s, len, "nan")) {
		*out = NAN;
		return 0;
	}
	negative = len > 0 && *s == '-';
	if (len > 0 && (*s == '-' || *s == '+')) {
		s++;
		len--;
	}
	ret = num_parse_unsigned(&v, s, len);
	if (ret == 0)
		*out = negative ? -v : v;
	return ret;
}
