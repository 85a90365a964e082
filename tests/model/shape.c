/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "model/shape.h"

#include "multi/multi.h"

struct shape shapes[NFAMS] = {
	[F_C] = { PDC_COUNTER, "m_c", 1, NLABELS, -1, 0, PDC_SHARED },
	[F_CT] = { PDC_COUNTER, "m_ct", 1, NLABELS, TTL_S, 0, PDC_SHARED },
	[F_C1] = { PDC_COUNTER, "m_c1", 1, 1, 0, 0, PDC_SHARED },
	[F_G] = { PDC_GAUGE, "m_g", 1, NLABELS, -1, 0, PDC_SHARED },
	[F_GT] = { PDC_GAUGE, "m_gt", 1, NLABELS, TTL_S, 0, PDC_SHARED },
	[F_S] = { PDC_SUMMARY, "m_s", 1, NLABELS, 0, 0, PDC_SHARED },
	[F_ST] = { PDC_SUMMARY, "m_st", 1, NLABELS, TTL_S, 0, PDC_SHARED },
	[F_H] = { PDC_HISTOGRAM, "m_h", 3, NLABELS, -1, 0, PDC_SHARED },
	[F_HT] = { PDC_HISTOGRAM, "m_ht", 3, NLABELS, TTL_S, 0, PDC_SHARED },
	[F_I] = { PDC_INFO, "m_i", 1, NLABELS, 0, 0, PDC_SHARED },
	[F_B] = { PDC_STATESET, "m_b", 1, NLABELS, 0, 0, PDC_SHARED },
	[F_CI] = { PDC_COUNTER, "m_ci", 1, NLABELS, -1, IDLE_S, PDC_SHARED },
	[F_GI] = { PDC_GAUGE, "m_gi", 1, NLABELS, 0, IDLE_S, PDC_SHARED },
	[F_HI] = { PDC_HISTOGRAM, "m_hi", 3, NLABELS, TTL_S, IDLE_S,
	    PDC_SHARED },
	[F_M] = { PDC_GAUGE, "m_m", 1, NLABELS, -1, 0, PDC_SHARED },
	[F_MT] = { PDC_GAUGE, "m_mt", 1, NLABELS, TTL_S, 0, PDC_SHARED },
	[F_MS] = { PDC_GAUGE, "m_ms", 1, NLABELS, 0, 0, PDC_SHARED },
	[F_X] = { PDC_COUNTER, "m_x", 1, NLABELS, -1, 0, PDC_SHARED },
};

const struct shape shape_other = { PDC_HISTOGRAM, "m_x", 3, NLABELS, -1, 0,
	PDC_SHARED };

const double shape_seen[NCOMPS] = { .5, 1.5, 4 };

struct settings settings;

void
shape_choose(uint64_t seed)
{
	static const double ttls[] = { 0, 0, TTL_S, 140 };
	static const uint64_t maxes[] = { 0, 0, 0, 0, 5, 9 };
	int f;

	settings.ttl_s = ttls[multi_random(&seed) % 4];
	settings.refresh = multi_random(&seed) % 3 == 0;
	settings.max_series = maxes[multi_random(&seed) % 6];
	for (f = F_M; f <= F_MS; f++)
		shapes[f].mode = (enum pdc_mode)(
		    1 + multi_random(&seed) % PDC_LIVEMOSTRECENT);
	/* A limit counts what each process has. */
	for (f = F_M; f <= F_MS && settings.max_series > 0; f++)
		shapes[f].mode = f == F_MT ? PDC_MOSTRECENT : PDC_SHARED;
}
