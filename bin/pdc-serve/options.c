/* SPDX-License-Identifier: ISC */

/*
 * Flags are --name=value or --name value, booleans --name or --no-name; names
 * are not abbreviated, and only --web.listen-address and --journal.retain may
 * come twice.
 */
#include "config.h"

#include "pdc-serve/options.h"

#include <string.h>

#include "base/num.h"
#include "pdc-serve/listen.h"

#define OPTIONS_MIN_INTERVAL 0.001
#define OPTIONS_MAX_INTERVAL 86400.0

enum flag_id {
	FLAG_HELP,
	FLAG_STORE,
	FLAG_LISTEN,
	FLAG_SYSTEMD,
	FLAG_PATH,
	FLAG_NO_METRICS,
	FLAG_MAX_REQUESTS,
	FLAG_LOGS,
	FLAG_RETAIN,
	FLAG_INTERVAL,
	FLAG_CREATED,
	FLAG_WORKERS,
	FLAG_LOG_LEVEL,
	FLAG_LOG_FORMAT,
	FLAG_VERSION,
	NFLAGS
};

struct flag {
	const char *name;
	const char *value; /* how usage shows it; NULL: boolean */
	const char *help;
};

static const struct flag flags[NFLAGS] = {
	[FLAG_HELP] = { "help", NULL, "Print this and exit." },
	[FLAG_STORE] = { "store", "DIR",
	    "The store to serve; by default $PDC_STORE, else /run/pdc if it "
	    "exists, else /dev/shm/pdc-UID." },
	[FLAG_LISTEN] = { "web.listen-address", "127.0.0.1:19464",
	    "Address and port to listen on; may be repeated." },
	[FLAG_SYSTEMD] = { "web.systemd-socket", NULL,
	    "Listen on the sockets that systemd passes, and on no other." },
	[FLAG_PATH] = { "web.telemetry-path", "/metrics",
	    "Path under which the metrics are." },
	[FLAG_NO_METRICS] = { "web.disable-exporter-metrics", NULL,
	    "Leave out the metrics of pdc-serve itself." },
	[FLAG_MAX_REQUESTS] = { "web.max-requests", "40",
	    "Scrapes at a time; 503 beyond. 0: no limit." },
	[FLAG_LOGS] = { "web.logs", NULL,
	    "Serve /logs, /events and /measures to this machine, also where "
	    "the store is not readable by a group of the server." },
	[FLAG_RETAIN] = { "journal.retain", "WHAT:max_age=7d,max_count=N",
	    "Limits of logs, events, measures, a level, or default, which is "
	    "each level without its own; also max_bytes=1G, none; may be "
	    "repeated." },
	[FLAG_INTERVAL] = { "checkpoint.interval", "1",
	    "Seconds between checkpoints. 0: only for scrapes." },
	[FLAG_CREATED] = { "exposition.created", NULL,
	    "Add the _created families." },
	[FLAG_WORKERS] = { "collector.workers", NULL,
	    "Add CPU, memory, descriptors and start of the workers, by slot." },
	[FLAG_LOG_LEVEL] = { "log.level", "info",
	    "One of debug, info, warn, error." },
	[FLAG_LOG_FORMAT] = { "log.format", "logfmt", "One of logfmt, json." },
	[FLAG_VERSION] = { "version", NULL, "Print the version and exit." },
};

struct parser {
	struct options *options;
	char *words;
	size_t len;
	unsigned seen; /* 1 << enum flag_id */
	enum options_result result;
};

static int
options_word(const char *const *words, int n, const char *word)
{
	int i;

	for (i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

/* From 0 to max; -1 if it is no such number. */
static double
options_number(const char *s, double max)
{
	double v;

	if (pdc_num_parse(&v, s, strlen(s)) < 0)
		return -1;
	return v >= 0 && v <= max ? v : -1;
}

static int
options_set_path(struct options *o, const char *value)
{
	const char *p;

	if (*value != '/' || strncmp(value, "/-/", 3) == 0)
		return -1;
	for (p = value; *p != '\0'; p++)
		if (*p <= ' ' || *p == '?' || *p == '#' || *p == 0x7f)
			return -1;
	o->telemetry_path = value;
	return 0;
}

static int
options_set_number(struct options *o, enum flag_id id, const char *value)
{
	double v;

	if (id == FLAG_INTERVAL) {
		v = options_number(value, OPTIONS_MAX_INTERVAL);
		if (v < 0)
			return -1;
		if (v > 0 && v < OPTIONS_MIN_INTERVAL)
			v = OPTIONS_MIN_INTERVAL;
		o->interval_ns = (int64_t)(v * 1e9);
		return 0;
	}
	v = options_number(value, 1e6);
	if (v < 0 || v != (unsigned)v)
		return -1;
	o->max_requests = (unsigned)v;
	return 0;
}

static int
options_set_log(struct options *o, enum flag_id id, const char *value)
{
	int i;

	if (id == FLAG_LOG_LEVEL) {
		i = options_word(log_levels, NLEVELS, value);
		if (i >= 0)
			o->log_level = (enum log_level)i;
	} else {
		i = options_word(log_formats, NFORMATS, value);
		if (i >= 0)
			o->log_format = (enum log_format)i;
	}
	return i < 0 ? -1 : 0;
}

static int
options_set_string(struct options *o, enum flag_id id, const char *value)
{
	if (*value == '\0')
		return -1;
	if (id == FLAG_STORE)
		o->store = value;
	else if (o->nlisten < OPTIONS_MAX_LISTEN && listen_check(value) == 0)
		o->listen[o->nlisten++] = value;
	else
		return -1;
	return 0;
}

static void
options_set_bool(struct parser *p, enum flag_id id, int on)
{
	switch (id) {
	case FLAG_NO_METRICS:
		p->options->exporter_metrics = !on;
		break;
	case FLAG_SYSTEMD:
		p->options->systemd_socket = on;
		break;
	case FLAG_WORKERS:
		p->options->workers = on;
		break;
	case FLAG_CREATED:
		p->options->created = on;
		break;
	case FLAG_LOGS:
		p->options->logs = on;
		break;
	case FLAG_VERSION:
		if (on)
			p->result = OPTIONS_VERSION;
		break;
	default:
		if (on)
			p->result = OPTIONS_HELP;
		break;
	}
}

static int
options_set_retain(struct options *o, const char *value)
{
	struct retain_spec spec;
	size_t i = 0;

	if (pdc_retain_parse(&spec, value) < 0)
		return -1;
	/* The last of a scope holds, or they would be set in turns. */
	while (i < o->nretain && o->retain[i].scope != spec.scope)
		i++;
	o->retain[i] = spec;
	o->nretain += i == o->nretain;
	return 0;
}

/* 0, or -1 when the value makes no sense for this flag. */
static int
options_set(struct options *o, enum flag_id id, const char *value)
{
	switch (id) {
	case FLAG_STORE:
	case FLAG_LISTEN:
		return options_set_string(o, id, value);
	case FLAG_PATH:
		return options_set_path(o, value);
	case FLAG_RETAIN:
		return options_set_retain(o, value);
	case FLAG_MAX_REQUESTS:
	case FLAG_INTERVAL:
		return options_set_number(o, id, value);
	default:
		return options_set_log(o, id, value);
	}
}

/* The flag a name of len bytes stands for, or NFLAGS. */
static enum flag_id
options_find(const char *name, size_t len)
{
	int i;

	for (i = 0; i < NFLAGS; i++)
		if (strlen(flags[i].name) == len &&
		    strncmp(flags[i].name, name, len) == 0)
			break;
	return (enum flag_id)i;
}

static int
options_boolean(struct parser *p, const char *arg, enum flag_id id, int on)
{
	if (strchr(arg, '=') != NULL) {
		snprintf(p->words, p->len, "flag --%s takes no value: %s",
		    flags[id].name, arg);
		return -1;
	}
	options_set_bool(p, id, on);
	return 0;
}

static int
options_valued(struct parser *p, char *const **argvp, enum flag_id id)
{
	const char *value = strchr(**argvp, '=');

	if (value != NULL)
		value++;
	else
		value = *++*argvp;
	if (value == NULL) {
		snprintf(p->words, p->len, "flag --%s needs a value",
		    flags[id].name);
		return -1;
	}
	if (options_set(p->options, id, value) == 0)
		return 0;
	snprintf(p->words, p->len, "bad value for flag --%s: '%s'%s%s",
	    flags[id].name, value, id == FLAG_RETAIN ? ": " : "",
	    id == FLAG_RETAIN ? pdc_error() : "");
	return -1;
}

/* One flag, which may use up the argument after it. */
static int
options_flag(struct parser *p, char *const **argvp)
{
	const char *arg = **argvp, *name = arg + 2;
	size_t len = strcspn(name, "=");
	enum flag_id id = options_find(name, len);
	int on = 1;

	if (id == NFLAGS && strncmp(name, "no-", 3) == 0) {
		id = options_find(name + 3, len - 3);
		on = 0;
		if (id != NFLAGS && flags[id].value != NULL)
			id = NFLAGS;
	}
	if (id == NFLAGS) {
		snprintf(p->words, p->len, "unknown flag '--%.*s', try --help",
		    (int)len, name);
		return -1;
	}
	if (id != FLAG_LISTEN && id != FLAG_RETAIN &&
	    (p->seen & 1u << id) != 0) {
		snprintf(p->words, p->len, "flag --%s cannot be repeated",
		    flags[id].name);
		return -1;
	}
	p->seen |= 1u << id;
	if (flags[id].value == NULL)
		return options_boolean(p, arg, id, on);
	return options_valued(p, argvp, id);
}

static void
options_default(struct options *o)
{
	memset(o, 0, sizeof(*o));
	o->telemetry_path = flags[FLAG_PATH].value;
	o->exporter_metrics = 1;
	o->max_requests = 40;
	o->interval_ns = 1000000000;
	o->log_level = LEVEL_INFO;
	o->log_format = FORMAT_LOGFMT;
}

/* One line, whatever the arguments have in them. */
static void
options_one_line(char *words)
{
	for (; *words != '\0'; words++)
		if ((unsigned char)*words < ' ')
			*words = '?';
}

enum options_result
options_parse(struct options *o, char *const *argv, char *words, size_t len)
{
	struct parser p = { o, words, len, 0, OPTIONS_RUN };

	options_default(o);
	for (argv++; *argv != NULL; argv++) {
		if (strcmp(*argv, "-h") == 0) {
			p.result = OPTIONS_HELP;
		} else if (strncmp(*argv, "--", 2) == 0 && (*argv)[2] != '\0') {
			if (options_flag(&p, &argv) < 0)
				p.result = OPTIONS_BAD;
		} else {
			snprintf(words, len, "unexpected argument '%s'", *argv);
			p.result = OPTIONS_BAD;
		}
		if (p.result == OPTIONS_BAD) {
			options_one_line(words);
			return p.result;
		}
	}
	if (o->systemd_socket && o->nlisten > 0 && p.result == OPTIONS_RUN) {
		snprintf(words, len, "--%s and --%s exclude each other",
		    flags[FLAG_SYSTEMD].name, flags[FLAG_LISTEN].name);
		return OPTIONS_BAD;
	}
	if (o->nlisten == 0)
		o->listen[o->nlisten++] = flags[FLAG_LISTEN].value;
	return p.result;
}

void
options_usage(FILE *out)
{
	const struct flag *f;

	fputs("usage: pdc-serve [flags]\n\nServe a pdc store to Prometheus."
	      "\n\nFlags:\n",
	    out);
	for (f = flags; f < flags + NFLAGS; f++) {
		if (f == &flags[FLAG_HELP])
			fprintf(out, "  -h, --%s", f->name);
		else if (f->value == NULL)
			fprintf(out, "  --[no-]%s", f->name);
		else
			fprintf(out, "  --%s=%s", f->name, f->value);
		fprintf(out, "\n      %s\n", f->help);
	}
}
