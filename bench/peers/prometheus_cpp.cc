/* SPDX-License-Identifier: ISC */

/*
 * prometheus-cpp: numbers of one process, shared by its threads.  Labels are a
 * map that is made for each look-up, by Family::Add().
 */

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "peer.h"

using prometheus::BuildCounter;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;

static const std::array<const char *, 4> codes = { "200", "304", "404", "500" };
static prometheus::Registry registry;
static const prometheus::TextSerializer serializer;
static Counter *hits;
static std::vector<Counter *> workers;
static thread_local Counter *mine;
static Family<Counter> *requests;
static Histogram *wait_seconds;
static std::array<double, 1024> values;
static std::string page;

static Family<Counter> &
counters(const std::string &name)
{
	return BuildCounter().Name(name).Help("Some words.").Register(registry);
}

static void
setup_inc(unsigned)
{
	hits = &counters("hits_total").Add({});
}

static void
run_inc(uint64_t n)
{
	Counter *counter = hits;

	for (; n > 0; n--)
		counter->Increment();
}

static void
setup_labels(unsigned)
{
	requests = &counters("requests_total");
	for (const char *code : codes)
		requests->Add({ { "method", "GET" }, { "code", code } });
}

static void
run_labels(uint64_t n)
{
	for (; n > 0; n--)
		requests->Add({ { "method", "GET" }, { "code", codes[n % 4] } })
		    .Increment();
}

static void
setup_observe(unsigned)
{
	const Histogram::BucketBoundaries bounds = { 0.005, 0.01, 0.025, 0.05,
		0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 5, 7.5, 10 };

	wait_seconds = &BuildHistogram()
			    .Name("wait_seconds")
			    .Help("Some words.")
			    .Register(registry)
			    .Add({}, bounds);
	for (size_t i = 0; i < values.size(); i++)
		values[i] = 0.001 * static_cast<double>(i * 389 % 1024);
}

static void
run_observe(uint64_t n)
{
	Histogram *histogram = wait_seconds;

	for (; n > 0; n--)
		histogram->Observe(values[n % 1024]);
}

static void
setup_own(unsigned nworkers)
{
	Family<Counter> &family = counters("hits_total");

	for (unsigned i = 0; i < nworkers; i++)
		workers.push_back(
		    &family.Add({ { "worker", std::to_string(i) } }));
}

static void
begin_own(unsigned worker)
{
	mine = workers[worker];
}

static void
run_own(uint64_t n)
{
	Counter *counter = mine;

	for (; n > 0; n--)
		counter->Increment();
}

static void
setup_scrape(unsigned nseries)
{
	for (int f = 0; f < 10; f++) {
		Family<Counter> &family = counters(
		    "family" + std::to_string(f) + "_total");

		for (unsigned i = 0; i < nseries / 10; i++)
			family
			    .Add({ { "method", "GET" },
				{ "path", "/some/path/" + std::to_string(i) } })
			    .Increment(i + 1);
	}
}

static void
run_scrape(uint64_t n)
{
	for (; n > 0; n--)
		page = serializer.Serialize(registry.Collect());
}

static double
total_page()
{
	run_scrape(1);
	return static_cast<double>(page.size());
}

/* The sum of the samples of this name. */
static double
total_samples(const std::string &name)
{
	double total = 0;
	std::string line;

	run_scrape(1);
	std::istringstream lines(page);
	while (std::getline(lines, line))
		if (line.compare(0, name.size(), name) == 0 &&
		    (line[name.size()] == ' ' || line[name.size()] == '{'))
			total += std::atof(&line[line.rfind(' ')]);
	return total;
}

static double
total_hits()
{
	return total_samples("hits_total");
}

static double
total_requests()
{
	return total_samples("requests_total");
}

static double
total_observations()
{
	return total_samples("wait_seconds_count");
}

static peer_scenario
scenario(const char *name, peer_form form, void (*setup)(unsigned),
    void (*run)(uint64_t), double (*total)())
{
	peer_scenario s = {};

	s.name = name;
	s.form = form;
	s.setup = setup;
	s.run = run;
	s.total = total;
	return s;
}

int
main(int argc, char **argv)
{
	peer_scenario scenarios[] = {
		scenario("inc", PEER_ALONE, setup_inc, run_inc, total_hits),
		scenario("labels", PEER_ALONE, setup_labels, run_labels,
		    total_requests),
		scenario("observe", PEER_ALONE, setup_observe, run_observe,
		    total_observations),
		scenario("same", PEER_THREADS, setup_inc, run_inc, total_hits),
		scenario("own", PEER_THREADS, setup_own, run_own, total_hits),
		scenario("scrape", PEER_SIZED, setup_scrape, run_scrape,
		    total_page),
		{},
	};

	scenarios[4].begin = begin_own;
	return peer_main(argc, argv, scenarios);
}
