/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "pdc.h"
#include "pdc-serve/options.h"
#include "pdc-serve/serve.h"

int
main(int argc, char **argv)
{
	struct options options;
	char words[512];

	(void)argc;
	switch (options_parse(&options, argv, words, sizeof(words))) {
	case OPTIONS_HELP:
		options_usage(stdout);
		break;
	case OPTIONS_VERSION:
		printf("pdc-serve, version %s\n", pdc_version());
		break;
	case OPTIONS_BAD:
		errx(2, "%s", words);
	default:
		return serve_run(&options);
	}
	if (fflush(stdout) == EOF)
		err(1, "stdout");
	return 0;
}
