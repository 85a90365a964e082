/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "expo/expo.h"
#include "tap.h"

/* Accept and Accept-Encoding. */

#define TEXT "text/plain; version=0.0.4; charset=utf-8"
#define TEXT1 "text/plain; version=1.0.0; charset=utf-8; escaping="
#define OM "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define OM0 "application/openmetrics-text; version=0.0.1; charset=utf-8"
#define PROTO \
	"application/vnd.google.protobuf; " \
	"proto=io.prometheus.client.MetricFamily; encoding=delimited"
#define ASK_PROTO \
	"application/vnd.google.protobuf;" \
	"proto=io.prometheus.client.MetricFamily;encoding=delimited"

static const struct {
	const char *accept, *type;
} formats[] = {
	{ NULL, TEXT },
	{ "", TEXT },
	{ "*/*", TEXT },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	    TEXT },
	{ "application/openmetrics-text", OM },
	{ "application/openmetrics-text;version=2.0.0", TEXT },
	{ "application/openmetrics-text;version=2.0.0,"
	  "text/plain;version=1.0.0;escaping=dots;q=0.5",
	    TEXT1 "dots" },
	{ "text/plain;version=1.0.0;escaping=bogus", TEXT1 "underscores" },
	/* Prometheus 2.42, then with native-histograms */
	{ "application/openmetrics-text;version=1.0.0,"
	  "application/openmetrics-text;version=0.0.1;q=0.75,"
	  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	    OM },
	{ ASK_PROTO ",application/openmetrics-text;version=1.0.0;q=0.8,"
		    "application/openmetrics-text;version=0.0.1;q=0.75,"
		    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	    PROTO },
	/* Prometheus 3.14, then with scrape_native_histograms */
	{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;"
	  "q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
	  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
	  "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
	    OM "; escaping=allow-utf-8" },
	{ ASK_PROTO ";q=0.6,application/openmetrics-text;version=1.0.0;"
		    "escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
		    "version=0.0.1;q=0.4,text/plain;version=1.0.0;"
		    "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
		    "*/*;q=0.1",
	    PROTO },
	{ "application/vnd.google.protobuf;encoding=text", TEXT },
	{ "text/plain;version=0.0.4;q=0,*/*", TEXT },
	{ "TEXT/PLAIN; Version=0.0.4", TEXT },
	/* the rules around them */
	{ "application/openmetrics-text;version=0.0.4", TEXT },
	{ "application/openmetrics-text;version=0.0.1;escaping=dots", OM0 },
	{ "application/openmetrics-text;version=1.0.0;escaping=bogus",
	    OM "; escaping=underscores" },
	{ "application/openmetrics-text;escaping=values",
	    OM "; escaping=values" },
	{ "Application/OpenMetrics-Text ; VERSION=1.0.0 ; Q=0.2", OM },
	{ "application/openmetrics-text; version=\"1.0.0\"", OM },
	{ "text/plain", TEXT },
	{ "text/plain;version=1.0.0", TEXT1 "underscores" },
	{ "text/plain;version=1.0.0;escaping=allow-utf-8",
	    TEXT1 "allow-utf-8" },
	{ "text/plain;version=1.0.0;escaping=values", TEXT1 "values" },
	{ "text/plain;version=0.0.4;escaping=dots", TEXT },
	{ "text/plain;version=2.0.0", TEXT },
	{ "text/*", TEXT },
	{ "text/*,application/openmetrics-text", TEXT },
	{ "text/*;q=0.9,application/openmetrics-text", OM },
	{ "application/openmetrics-text;q=0.5,text/plain;q=0.5", OM },
	{ "text/plain;q=0.5,application/openmetrics-text;q=0.5", TEXT },
	{ "text/plain;q=0.5,application/openmetrics-text;q=0.51", OM },
	{ "application/openmetrics-text;q=0", TEXT },
	{ "application/openmetrics-text;q=0.000,text/plain;version=1.0.0",
	    TEXT1 "underscores" },
	{ "application/openmetrics-text;q=-1", TEXT },
	{ "application/openmetrics-text;q=x,*/*;q=0.9", OM },
	{ "application/openmetrics-text;q=,*/*;q=0.9", OM },
	{ "text/plain;q=9,application/openmetrics-text", TEXT },
	{ "application/json", TEXT },
	{ "application/*", TEXT },
	{ ASK_PROTO ";escaping=values", PROTO "; escaping=values" },
	{ "application/vnd.google.protobuf", TEXT },
	{ "application/vnd.google.protobuf;proto=x;encoding=delimited", TEXT },
	/* nothing at all, in many words */
	{ ",,;;=,\"", TEXT },
	{ "\"", TEXT },
	{ "\"\\", TEXT },
	{ ";q", TEXT },
	{ ";;;,application/openmetrics-text,;", OM },
	{ "x=\"a,b;c\\\"d\",application/openmetrics-text", OM },
	{ "a;b=\"x, application/openmetrics-text\"", TEXT },
	{ "application/openmetrics-text2", TEXT },
	{ "application/openmetrics-tex", TEXT },
};

static const struct {
	const char *accept, *word;
} codings[] = {
	{ NULL, "identity" },
	{ "", "identity" },
	{ "gzip", "gzip" },
	{ "gzip, zstd", "gzip" },
	{ "zstd, gzip", "gzip" },
	{ "zstd;q=1, gzip;q=0.5", "zstd" },
	{ "*", "identity" },
	{ "identity", "identity" },
	{ "gzip, deflate, br, zstd", "gzip" },
	{ "br", "identity" },
	{ "gzip;q=0", "identity" },
	{ "gzip;q=0, *", "identity" },
	{ "identity;q=0, *", "gzip" },
	{ "identity;q=0", "identity" },
	{ "*;q=0", "identity" },
	{ "gzip;q=1.0, *;q=0", "gzip" },
	{ "gzip;q=0.5, identity;q=0.5", "identity" },
	{ "GZIP", "gzip" },
	{ "gzip2", "identity" },
	{ ";;,,\"", "identity" },
};

/* With nothing behind the header that could be read by mistake. */
static void
test_formats(void)
{
	struct expo_how how;
	char *copy;
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		copy = formats[i].accept != NULL ? strdup(formats[i].accept) :
						   NULL;
		pdc_accept_format(&how, copy);
		is_str(pdc_expo_type(&how), formats[i].type, "Accept: %s",
		    copy != NULL ? copy : "(none)");
		free(copy);
	}
}

static void
test_codings(void)
{
	size_t i;

	for (i = 0; i < sizeof(codings) / sizeof(codings[0]); i++)
		is_str(pdc_coding_word(pdc_accept_coding(codings[i].accept)),
		    codings[i].word, "Accept-Encoding: %s",
		    codings[i].accept != NULL ? codings[i].accept : "(none)");
}

/* The words above, cut at any place and put together at random. */
static void
test_noise(void)
{
	static const char pieces[] = ",;=\"\\ \tq=0.1*/;text/plain";
	unsigned seed = 1;
	struct expo_how how;
	char *s;
	int i, j, n;

	for (i = 0; i < 20000; i++) {
		n = i % 40;
		s = malloc((size_t)n + 1);
		if (s == NULL)
			bail_out("no memory");
		for (j = 0; j < n; j++) {
			seed = seed * 1103515245 + 12345;
			s[j] = pieces[(seed >> 16) % (sizeof(pieces) - 1)];
		}
		s[n] = '\0';
		pdc_accept_format(&how, s);
		pdc_accept_coding(s);
		free(s);
	}
	ok(1, "noise is read to its end");
}

int
main(void)
{
	test_formats();
	test_codings();
	test_noise();
	return tap_done();
}
