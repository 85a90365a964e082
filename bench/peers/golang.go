// SPDX-License-Identifier: ISC

// client_golang: numbers of one process, shared by its goroutines.
package main

import (
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

var (
	registry = prometheus.NewRegistry()
	hits     prometheus.Counter
	own      []prometheus.Counter
	requests *prometheus.CounterVec
	wait     prometheus.Histogram
)

func counters(name string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: name,
		Help: "Some words.",
	}, labels)
	registry.MustRegister(vec)
	return vec
}

func setupInc(int) {
	hits = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "hits_total",
		Help: "Some words.",
	})
	registry.MustRegister(hits)
}

func runInc(_, n int) {
	counter := hits
	for ; n > 0; n-- {
		counter.Inc()
	}
}

func setupLabels(int) {
	requests = counters("requests_total", "method", "code")
	for _, code := range codes {
		requests.WithLabelValues("GET", code)
	}
}

func runLabels(_, n int) {
	for ; n > 0; n-- {
		requests.WithLabelValues("GET", codes[n%4]).Inc()
	}
}

func setupObserve(int) {
	wait = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "wait_seconds",
		Help: "Some words.",
		Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
			0.75, 1, 1.5, 2, 2.5, 5, 7.5, 10},
	})
	registry.MustRegister(wait)
}

func runObserve(_, n int) {
	histogram := wait
	for ; n > 0; n-- {
		histogram.Observe(values[n%1024])
	}
}

func setupOwn(nworkers int) {
	vec := counters("hits_total", "worker")
	for i := 0; i < nworkers; i++ {
		own = append(own, vec.WithLabelValues(strconv.Itoa(i)))
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
		vec := counters(fmt.Sprintf("family%d_total", f), "method",
			"path")
		for i := 0; i < nseries/10; i++ {
			path := "/some/path/" + strconv.Itoa(i)
			vec.WithLabelValues("GET", path).Add(float64(i + 1))
		}
	}
}

func render() {
	families, err := registry.Gather()
	if err != nil {
		fail("%v", err)
	}
	page.Reset()
	for _, family := range families {
		_, err = expfmt.MetricFamilyToText(&page, family)
		if err != nil {
			fail("%v", err)
		}
	}
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
