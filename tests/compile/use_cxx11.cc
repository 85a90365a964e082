/* SPDX-License-Identifier: ISC */

/* A user's program in C++11, with nothing but the installed header. */

#include <pdc.h>

#include <iostream>
#include <string>

static bool
count(pdc *store)
{
	const char *const labels[] = { "way", nullptr };
	const char *const values[] = { "tried", nullptr };
	pdc_desc desc{};
	pdc_family *family;
	pdc_series *series;

	desc.type = PDC_COUNTER;
	desc.name = "user_calls";
	desc.help = "Calls of a user.";
	desc.labels = labels;
	if (pdc_declare(&family, store, &desc) != 0)
		return false;
	if (pdc_labels(&series, family, values) != 0)
		return false;
	pdc_inc(series, 1);
	pdc_inc(series, 2);
	pdc_series_free(series);
	return true;
}

int
main(int argc, char **argv)
{
	pdc *store;
	char *text;
	size_t len;

	if (argc != 2 || pdc_open(&store, argv[1], nullptr) != 0 ||
	    !count(store) ||
	    pdc_render(store, nullptr, &text, &len, nullptr) != 0) {
		std::cerr << pdc_error() << "\n";
		return 1;
	}
	std::cout << std::string(text, len);
	pdc_free(text);
	pdc_close(store);
	return 0;
}
