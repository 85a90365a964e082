/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/landing.h"

#include <string.h>

#include "base/buf.h"
#include "pdc.h"

static const char landing_head[] = "<!DOCTYPE html>\n"
				   "<html lang=\"en\">\n"
				   "<head>\n"
				   "<meta charset=\"UTF-8\">\n"
				   "<title>pdc-serve</title>\n"
				   "</head>\n"
				   "<body>\n"
				   "<h1>pdc-serve</h1>\n"
				   "<p>The metrics of a pdc store.</p>\n";

static const char landing_tail[] =
    "<li><a href=\"/-/healthy\">Healthy</a></li>\n"
    "<li><a href=\"/-/ready\">Ready</a></li>\n"
    "</ul>\n"
    "</body>\n"
    "</html>\n";

/* As the path of a link: what could mean something else is escaped. */
static void
landing_path(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= '0' && *s <= '9') || strchr("/-._~", *s) != NULL)
			pdc_buf_chr(b, *s);
		else
			pdc_buf_fmt(b, "%%%02X", (unsigned char)*s);
}

void
landing_page(struct buf *b, const char *telemetry_path)
{
	pdc_buf_str(b, landing_head);
	pdc_buf_fmt(b, "<p>Version: %s</p>\n<ul>\n", pdc_version());
	pdc_buf_str(b, "<li><a href=\"");
	landing_path(b, telemetry_path);
	pdc_buf_str(b, "\">Metrics</a></li>\n");
	pdc_buf_str(b, landing_tail);
}
