/* SPDX-License-Identifier: ISC */
#include "config.h"

/* The context of a thread: push, pop, set, clear; threads and children. */

#include <sys/wait.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "pdc.h"
#include "tap.h"

static struct pdc *p;

/* What a line of this thread has as its attributes now. */
static void
now_is(const char *want, const char *how)
{
	char *page, *from, *end;

	if (pdc_event(p, "e", NULL, 0) < 0)
		bail_out("event: %s", pdc_error());
	page = journal_all(p, 1u << STREAM_EVENTS);
	end = page + strlen(page) - 2; /* of the last line */
	*end = '\0';
	from = strstr(strrchr(page, '\n') != NULL ? strrchr(page, '\n') : page,
	    "\"attributes\": ");
	is_str(from != NULL ? from + 14 : page, want, "%s", how);
	free(page);
}

static void
push(const char *name, const char *value)
{
	char *copy = strdup(value);
	struct pdc_field f = { .name = name, .kind = PDC_STRING, .text = copy };

	is_int(pdc_context_push(&f, 1), 0, "push %s", name);
	memset(copy, '#', strlen(copy));
	free(copy);
}

static void
test_stack(void)
{
	const struct pdc_field f = { .name = "s",
		.kind = PDC_INTEGER,
		.integer = 1 };

	now_is("{}", "at first it is empty");
	push("a", "1");
	push("b", "2");
	now_is("{\"a\": \"1\", \"b\": \"2\"}", "two are in order");
	push("a", "3");
	now_is("{\"a\": \"3\", \"b\": \"2\"}", "the last wins, in its place");
	pdc_context_pop();
	now_is("{\"a\": \"1\", \"b\": \"2\"}", "until it is popped");
	is_int(pdc_context_set(&f, 1), 0, "set");
	now_is("{\"s\": 1}", "has this alone");
	pdc_context_pop();
	now_is("{\"a\": \"1\"}", "until it is popped");
	pdc_context_clear();
	now_is("{}", "nothing after clear");
	pdc_context_pop();
	now_is("{}", "more pops than pushes do no harm");
	is_int(pdc_context_set(&f, 1), 0, "set without push");
	now_is("{\"s\": 1}", "is there");
	pdc_context_clear();
}

static void
test_bad(void)
{
	struct pdc_field f = { .name = "j", .kind = PDC_JSON, .text = "{" };

	is_int(pdc_context_push(&f, 1), PDC_EINVAL, "no JSON is refused");
	ok(strstr(pdc_error(), "j is no JSON") != NULL, "and named");
	f.text = NULL;
	is_int(pdc_context_push(&f, 1), PDC_EINVAL, "NULL is refused");
	f.name = NULL;
	is_int(pdc_context_set(&f, 1), PDC_EINVAL, "no name is refused");
	is_int(pdc_context_push(NULL, 1), PDC_EINVAL, "no fields are refused");
	now_is("{}", "and nothing is pushed");
}

static void *
thread(void *arg)
{
	(void)arg;
	now_is("{}", "another thread has none");
	push("t", "1");
	now_is("{\"t\": \"1\"}", "but its own");
	return NULL;
}

static void
test_threads(void)
{
	pthread_t id;
	char *page, *line;
	pid_t pid;
	int status;

	push("main", "1");
	if (pthread_create(&id, NULL, thread, NULL) != 0)
		bail_out("pthread_create");
	pthread_join(id, NULL);
	now_is("{\"main\": \"1\"}", "and leaves ours alone");
	pid = fork();
	if (pid == 0)
		_exit(pdc_event(p, "child", NULL, 0) == 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	is_int(status, 0, "a child logs");
	page = journal_all(p, 1u << STREAM_EVENTS);
	line = strstr(page, "{\"name\": \"child\", ");
	ok(line != NULL && strstr(line, "{\"main\": \"1\"}}") != NULL,
	    "with what it was forked with");
	free(page);
	pdc_context_clear();
}

int
main(void)
{
	if (pdc_open(&p, tap_tmpdir(), NULL) < 0)
		bail_out("open: %s", pdc_error());
	test_stack();
	test_bad();
	test_threads();
	pdc_close(p);
	return tap_done();
}
