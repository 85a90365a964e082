/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "model/shape.h"

const struct shape shapes[NFAMS] = {
	[F_C] = { PDC_COUNTER, "m_c", 1, NSERS, -1 },
	[F_CT] = { PDC_COUNTER, "m_ct", 1, NSERS, TTL_S },
	[F_C1] = { PDC_COUNTER, "m_c1", 1, 1, -1 },
	[F_G] = { PDC_GAUGE, "m_g", 1, NSERS, -1 },
	[F_GT] = { PDC_GAUGE, "m_gt", 1, NSERS, TTL_S },
	[F_S] = { PDC_SUMMARY, "m_s", 1, NSERS, -1 },
	[F_ST] = { PDC_SUMMARY, "m_st", 1, NSERS, TTL_S },
	[F_H] = { PDC_HISTOGRAM, "m_h", 3, NSERS, -1 },
	[F_HT] = { PDC_HISTOGRAM, "m_ht", 3, NSERS, TTL_S },
	[F_I] = { PDC_INFO, "m_i", 1, NSERS, -1 },
	[F_B] = { PDC_STATESET, "m_b", 1, NSERS, -1 },
	[F_X] = { PDC_COUNTER, "m_x", 1, NSERS, -1 },
};

const struct shape shape_other = { PDC_HISTOGRAM, "m_x", 3, NSERS, -1 };

const double shape_seen[NCOMPS] = { .5, 1.5, 4 };
