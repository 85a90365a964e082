// SPDX-License-Identifier: ISC

// VictoriaMetrics/metrics: numbers of one process, shared by its goroutines.
// A look-up takes name and labels as one ready string, so that none is made
// here for each.  Its histogram has buckets of its own, 18 for each power of
// ten, and finds them by a logarithm.
package main

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"
)

var (
	hits     *metrics.Counter
	own      []*metrics.Counter
	requests [len(codes)]string
	wait     *metrics.Histogram
)

func setupInc(int) {
	hits = metrics.NewCounter("hits_total")
}

func runInc(_, n int) {
	counter := hits
	for ; n > 0; n-- {
		counter.Inc()
	}
}

func setupLabels(int) {
	for i, code := range codes {
		requests[i] = fmt.Sprintf(
			`requests_total{method="GET",code="%s"}`, code)
		metrics.GetOrCreateCounter(requests[i])
	}
}

func runLabels(_, n int) {
	for ; n > 0; n-- {
		metrics.GetOrCreateCounter(requests[n%4]).Inc()
	}
}

func setupObserve(int) {
	wait = metrics.NewHistogram("wait_seconds")
}

func runObserve(_, n int) {
	histogram := wait
	for ; n > 0; n-- {
		histogram.Update(values[n%1024])
	}
}

func setupOwn(nworkers int) {
	for i := 0; i < nworkers; i++ {
		own = append(own, metrics.NewCounter(
			fmt.Sprintf(`hits_total{worker="%d"}`, i)))
	}
}

func runOwn(worker, n int) {
	counter := own[worker]
	for ; n > 0; n-- {
		counter.Inc()
	}
}

func setupScrape(nseries int) {
	for f := 0; f < 10; f++ {
		for i := 0; i < nseries/10; i++ {
			metrics.NewCounter(fmt.Sprintf(
				`family%d_total{method="GET",path="/some/path/%d"}`,
				f, i)).Set(uint64(i + 1))
		}
	}
}

func render() {
	page.Reset()
	metrics.WritePrometheus(&page, false)
}

func runScrape(_, n int) {
	for ; n > 0; n-- {
		render()
	}
}

func main() {
	speak([]scenario{
		{"inc", alone, setupInc, runInc, "hits_total"},
		{"labels", alone, setupLabels, runLabels, "requests_total"},
		{"observe", alone, setupObserve, runObserve,
			"wait_seconds_count"},
		{"same", workers, setupInc, runInc, "hits_total"},
		{"own", workers, setupOwn, runOwn, "hits_total"},
		{"scrape", sized, setupScrape, runScrape, ""},
	}, render)
}
