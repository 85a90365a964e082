/* SPDX-License-Identifier: ISC */
/*
 * count STORE: processes that count in a store, new ones all the time, until
 * SIGTERM.  Prints then what they have counted together.
 */
#include <sys/wait.h>

#include <err.h>
#include <pdc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { WORKERS = 4, ROUNDS = 200, EACH = 100, KINDS = 50 };

static volatile sig_atomic_t ending;
static struct pdc_family *counted;

static void
end(int sig)
{
	(void)sig;
	ending = 1;
}

/* A new process comes to each series anew, and each round to another one. */
static void
work(int out)
{
	struct pdc_series *series;
	uint64_t done = 0;
	char kind[16];
	int i, round;

	for (round = 0; round < ROUNDS && !ending; round++) {
		snprintf(kind, sizeof(kind), "%d", (getpid() + round) % KINDS);
		if (pdc_labels(&series, counted,
			(const char *[]){ kind, NULL }) < 0)
			errx(1, "%s", pdc_error());
		for (i = 0; i < EACH; i++, done++)
			pdc_inc(series, 1);
		pdc_series_free(series);
		usleep(1000);
	}
	if (write(out, &done, sizeof(done)) != sizeof(done))
		err(1, "write");
	_exit(0);
}

static void
begin(int out)
{
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		work(out);
	}
}

int
main(int argc, char **argv)
{
	const struct pdc_desc desc = { .type = PDC_COUNTER,
		.name = "counted",
		.labels = (const char *[]){ "kind", NULL } };
	uint64_t done, sum = 0;
	struct pdc *pdc;
	int i, ends[2], status;

	if (argc != 2 || pdc_open(&pdc, argv[1], NULL) < 0 ||
	    pdc_declare(&counted, pdc, &desc) < 0)
		errx(1, "%s", pdc_error());
	if (pipe(ends) < 0)
		err(1, "pipe");
	signal(SIGTERM, end);
	for (i = 0; i < WORKERS; i++)
		begin(ends[1]);
	while (wait(&status) > 0) {
		if (status != 0 ||
		    read(ends[0], &done, sizeof(done)) != sizeof(done))
			errx(1, "a process ended with status %#x", status);
		sum += done;
		if (!ending)
			begin(ends[1]);
	}
	printf("%ju\n", (uintmax_t)sum);
	pdc_close(pdc);
	return 0;
}
