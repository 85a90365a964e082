# As users build it, with pdc.h alone.  ./bootstrap demo needs it, too.
noinst_PROGRAMS += %D%/httpd
%C%_httpd_CPPFLAGS = -I$(top_srcdir)/include
%C%_httpd_LDADD = lib/libpdc.la

SH_TESTS += \
	%D%/test_gunicorn.sh \
	%D%/test_nginx.sh \
	%D%/test_php.sh \
	%D%/test_uwsgi.sh
EXTRA_DIST += \
	%D%/nginx/config \
	%D%/nginx/ngx_http_pdc_module.c \
	%D%/php/index.php \
	%D%/servers.sh \
	%D%/wsgi_app.py
