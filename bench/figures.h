/* SPDX-License-Identifier: ISC */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdint.h>

/* One line of output. */
void figure(double value, const char *unit, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each makes its own stores; full: take the time, and a million series. */
void figures_memory(int full);
void figures_disk(int full);
void figures_workers(int full);
void figures_latency(int full);
void figures_pages(int full);
void figures_idle(uint32_t nseries, int seconds);

#endif
