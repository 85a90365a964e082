/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Infos and statesets: what may be declared, and what updates do by cells,
 * rings, pending sums and by name, in children, and when the cells are lost.
 */

#include <stdint.h>

#include "api/page.h"
#include "help.h"
#include "metric/metric.h"

static const char *const abc[] = { "a", "b", "c", NULL };
static struct pdc *p;

static struct pdc_family *
stateset(const char *name, const char *const *states)
{
	struct pdc_desc d = { .type = PDC_STATESET,
		.name = name,
		.states = states };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare %s: %s", name, pdc_error());
	return f;
}

static void
refused(const struct pdc_desc *d, int want, const char *words)
{
	struct pdc_family *f;
	int ret = pdc_declare(&f, p, d);

	ok(ret == want && f == NULL && strstr(pdc_error(), words) != NULL,
	    "%d: %s", ret, ret < 0 ? pdc_error() : "");
}

static uint64_t
dropped(enum cells_drop why)
{
	return atomic_load(&pdc_cells_now(p)->head->drops[why]);
}

/* The states of a, b, c as a number of three digits; of -1, none is there. */
static int
states(const char *name)
{
	char sample[64], *page = help_page(p);
	int i, n = 0;
	double v;

	for (i = 0; i < 3; i++) {
		snprintf(sample, sizeof(sample), "%s{%s=\"%s\"}", name, name,
		    abc[i]);
		v = help_on_page(page, sample);
		n = n < 0 || isnan(v) ? -1 : 10 * n + (int)v;
	}
	pdc_free(page);
	return n;
}

static void
test_declarations(void)
{
	static const char *const none[] = { NULL },
				 *const nothing[] = { "", NULL },
				 *const twice[] = { "a", "b", "a", NULL },
				 *const bad[] = { "\xff", NULL },
				 *const own[] = { "decl", NULL },
				 *const odd[] = { "a b", "\xc3\xa9\"\n", NULL };
	char words[STATES_MAX + 1][8];
	const char *many[STATES_MAX + 2];
	struct pdc_desc d = { .type = PDC_STATESET, .name = "decl" };
	struct pdc_family *f;
	int i;

	refused(&d, PDC_EINVAL, "one state at least");
	d.states = none;
	refused(&d, PDC_EINVAL, "one state at least");
	d.states = nothing;
	refused(&d, PDC_EINVAL, "state 1 is not");
	d.states = bad;
	refused(&d, PDC_EINVAL, "state 1 is not");
	d.states = twice;
	refused(&d, PDC_EINVAL, "the state a stands there twice");
	for (i = 0; i <= STATES_MAX; i++) {
		snprintf(words[i], sizeof(words[i]), "s%d", i);
		many[i] = words[i];
	}
	many[i] = NULL;
	d.states = many;
	refused(&d, PDC_EINVAL, "more than 53 states");
	d.states = abc;
	d.labels = own;
	refused(&d, PDC_EINVAL, "the label decl is the one of its states");
	d.labels = NULL;
	d.name = "a:b";
	refused(&d, PDC_EINVAL, "a label");
	d.name = "decl_s";
	d.unit = "s";
	refused(&d, PDC_EINVAL, "no unit");
	d.type = PDC_GAUGE;
	d.unit = NULL;
	refused(&d, PDC_EINVAL, "states are for statesets");
	d.type = PDC_INFO;
	refused(&d, PDC_EINVAL, "states are for statesets");
	many[STATES_MAX] = NULL;
	d = (struct pdc_desc){ .type = PDC_STATESET, .name = "decl" };
	d.states = odd;
	is_int(pdc_declare(&f, p, &d), 0, "any UTF-8 is a state");
	d.name = "decl_many";
	d.states = many;
	is_int(pdc_declare(&f, p, &d), 0, "53 states");
	for (i = 0; i < STATES_MAX; i++)
		pdc_set_state(help_series(f, NULL), (size_t)i, 1);
	pdc_set_state(help_series(f, NULL), 51, 0);
	is_double(help_sample(p, "decl_many{decl_many=\"s52\"}"), 1,
	    "the last");
	is_double(help_sample(p, "decl_many{decl_many=\"s51\"}"), 0,
	    "can be told from the one before");
}

static void
test_contradictions(void)
{
	static const char *const abd[] = { "a", "b", "d", NULL },
				 *const ab[] = { "a", "b", NULL };
	struct pdc_desc d = { .type = PDC_STATESET,
		.name = "contra",
		.states = abd };
	struct pdc_family *f = stateset("contra", abc);

	ok(stateset("contra", abc) == f, "the same states, the same family");
	refused(&d, PDC_EEXIST, "(a,b,d) here, (a,b,c) in the store");
	d.states = ab;
	refused(&d, PDC_EEXIST, "(a,b) here, (a,b,c) in the store");
	d.type = PDC_GAUGE;
	d.states = NULL;
	refused(&d, PDC_EEXIST, "a gauge here, a stateset in the store");
	help_family(p, PDC_INFO, "contra_i", NULL);
	d.name = "contra_i_info";
	refused(&d, PDC_EEXIST, "contra_i_info");
	help_family(p, PDC_GAUGE, "contra_g_info", NULL);
	d.type = PDC_INFO;
	d.name = "contra_g";
	refused(&d, PDC_EEXIST, "contra_g_info");
	ok(help_family(p, PDC_INFO, "contra_i_info", NULL) ==
		help_family(p, PDC_INFO, "contra_i", NULL),
	    "an info is the same with _info and without");
}

static void
test_drops(void)
{
	struct pdc_series *s = help_series(stateset("drops", abc), NULL);
	struct pdc_series *i = help_series(help_family(p, PDC_INFO, "drops_i",
					       NULL),
	    NULL);
	struct pdc_series *g = help_series(help_family(p, PDC_GAUGE, "drops_g",
					       NULL),
	    NULL);
	uint64_t type = dropped(DROP_TYPE), amount = dropped(DROP_AMOUNT);

	pdc_set_state(s, 3, 1);
	pdc_set_state(s, SIZE_MAX, 0);
	is_int((long long)(dropped(DROP_AMOUNT) - amount), 2,
	    "a state out of range is dropped");
	pdc_inc(s, 1);
	pdc_dec(s, 1);
	pdc_set(s, 1);
	pdc_observe(s, 1);
	pdc_inc(i, 1);
	pdc_dec(i, 1);
	pdc_set(i, 2);
	pdc_observe(i, 1);
	pdc_set_state(i, 0, 1);
	pdc_set_state(g, 0, 1);
	is_int((long long)(dropped(DROP_TYPE) - type), 10,
	    "so is each update of another type");
	pdc_set_state(NULL, 0, 1);
	is_int(states("drops"), 0, "no state is on");
	is_double(help_sample(p, "drops_i_info"), 1, "an info stays 1");
}

static int
child_sets(void *arg)
{
	pdc_set_state(arg, 1, 1);
	pdc_set_state(arg, 0, 0);
	raise(SIGKILL);
	return 0;
}

static void
test_children(void)
{
	struct pdc_series *s = help_series(stateset("kids", abc), NULL);

	pdc_set_state(s, 0, 1);
	pdc_set_state(s, 2, 42);
	is_int(states("kids"), 101, "each state is on or off");
	is_int(help_child(child_sets, s), 1000 + SIGKILL, "a child is killed");
	is_int(states("kids"), 11, "what it set stays");
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	is_int(states("kids"), 11, "leaves it");
}

/* Without cells: by a ring, or a pending sum. */
static void
test_unresolved(const char *how)
{
	struct pdc_family *f = stateset("late", abc);
	struct pdc_family *i = help_family(p, PDC_INFO, "late_i", NULL);
	struct pdc_series *s;

	atomic_store(&p->retry_ns, INT64_MAX);
	s = help_series(f, NULL);
	help_series(i, NULL);
	atomic_store(&p->retry_ns, 0);
	pdc_set_state(s, 0, 1);
	pdc_set_state(s, 1, 1);
	pdc_set_state(s, 2, 1);
	pdc_set_state(s, 1, 0);
	pdc_set_state(s, 0, 0);
	pdc_set_state(s, 0, 1);
	is_int(states("late"), -1, "%s: no cells yet", how);
	is_int(pdc_checkpoint(p), 0, "%s: a checkpoint makes them", how);
	is_int(states("late"), 101, "%s: the last of each state holds", how);
	is_double(help_sample(p, "late_i_info"), 1, "%s: the info is there",
	    how);
	pdc_set_state(s, 2, 0);
	pdc_checkpoint(p);
	is_int(states("late"), 100, "%s: then the handle goes on", how);
	is_int((long long)dropped(DROP_DAMAGED), 0, "%s: none is refused", how);
}

static void
test_lost_cells(void)
{
	struct pdc_series *s = help_series(stateset("lost", abc), NULL);
	struct pdc_stat st;

	help_series(help_family(p, PDC_INFO, "lost_i", NULL), NULL);
	pdc_set_state(s, 0, 1);
	pdc_set_state(s, 1, 1);
	pdc_checkpoint(p);
	if (pdc_stat_get(p, &st) < 0 || unlink(st.cells_path) < 0)
		bail_out("no cells file: %s", st.cells_path);
	pdc_set_state(s, 1, 0);
	pdc_set_state(s, 2, 1);
	is_int(pdc_checkpoint(p), 0, "the cells file is deleted");
	is_int(states("lost"), 101, "what was set in it is salvaged");
	pdc_set_state(s, 0, 0);
	pdc_checkpoint(p);
	is_int(states("lost"), 1, "and setting goes on");
	is_double(help_sample(p, "lost_i_info"), 1, "an info needs no cells");
}

static int
set_name(const char *metric, const char *suffix, const char *state, double v)
{
	struct pdc_label l = { metric, state };
	struct pdc_key k = help_key(metric, suffix, state != NULL ? &l : NULL);

	return help_by_name(p, pdc_value_set, &k, v);
}

static void
test_by_name(void)
{
	struct pdc_label l = { "named", "b" }, none = { "named", "x" };
	struct pdc_key k = help_key("named", "", &l);
	struct pdc_series *s;
	struct pdc_txn *t;
	double v = -1;
	int was;

	s = help_series(stateset("named", abc), NULL);
	help_family(p, PDC_INFO, "named_i", NULL);
	pdc_set_state(s, 0, 1);
	pdc_begin(&t, p);
	is_int(pdc_value_set(t, &k, 1), 0, "a state is set by name");
	is_int(pdc_value_get(t, &k, &v), 0, "and got");
	is_double(v, 1, "as it will be");
	is_int(pdc_commit(t), 0, "and committed");
	is_int(states("named"), 110, "beside the others");
	set_name("named", "", "a", 0);
	is_int(states("named"), 10, "and off");
	is_int(set_name("named", "", "x", 1), PDC_EINVAL, "%s", pdc_error());
	is_int(set_name("named", "", "a", 2), PDC_ERANGE, "%s", pdc_error());
	is_int(set_name("named", "", NULL, 1), PDC_EINVAL, "%s", pdc_error());
	is_int(help_by_name(p, pdc_value_inc, &k, 1), PDC_EINVAL, "%s",
	    pdc_error());
	pdc_begin(&t, p);
	is_int(pdc_value_setnx(t, &k, 1, &was), PDC_EINVAL, "%s", pdc_error());
	pdc_abort(t);
	k.labels = &none;
	pdc_begin(&t, p);
	is_int(pdc_value_get(t, &k, &v), PDC_ENOENT, "no such state");
	k = help_key("named_i", "_info", NULL);
	is_int(pdc_value_get(t, &k, &v), PDC_ENOENT, "no such info");
	pdc_abort(t);
	is_int(set_name("named_i", "_info", NULL, 2), PDC_ERANGE, "%s",
	    pdc_error());
	is_int(help_by_name(p, pdc_value_inc, &k, 1), PDC_EINVAL, "%s",
	    pdc_error());
	is_int(set_name("named_i", "_info", NULL, 1), 0, "an info is made");
	is_double(help_get(p, &k), 1, "and is 1");
}

static void
test_all(unsigned flags, const char *how)
{
	diag("%s", how);
	p = help_open(tap_tmpdir(), flags);
	test_unresolved(how);
	test_children();
	test_by_name();
	test_lost_cells();
	pdc_close(p);
}

int
main(void)
{
	p = help_open(tap_tmpdir(), 0);
	test_declarations();
	test_contradictions();
	test_drops();
	pdc_close(p);
	test_all(0, "rings");
	test_all(PDC_ATOMIC, "pending sums");
	return tap_done();
}
