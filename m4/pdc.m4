# SPDX-License-Identifier: ISC

# PDC_REQUIRE_64BIT
# A cell is 8 bytes and is loaded and stored by one instruction.
AC_DEFUN([PDC_REQUIRE_64BIT], [
	AC_CHECK_SIZEOF([void *])
	AS_IF([test "$ac_cv_sizeof_void_p" != 8],
		[AC_MSG_ERROR([pdc needs a 64-bit system: its numbers are read
and written 64 bits at a time by processes that take no lock])])
])

# PDC_CHECK_WARNINGS
# Set PDC_CFLAGS to what this compiler knows; the user's CFLAGS are not touched.
AC_DEFUN([PDC_CHECK_WARNINGS], [
	PDC_CFLAGS=
	AX_APPEND_COMPILE_FLAGS(m4_normalize([
		-std=gnu11
		-fvisibility=hidden
		-fno-common
		-Wall
		-Wextra
		-Wshadow
		-Wstrict-prototypes
		-Wmissing-prototypes
		-Wmissing-declarations
		-Wold-style-definition
		-Wpointer-arith
		-Wwrite-strings
		-Wundef
		-Wvla
		-Wformat-security
		-Wimplicit-fallthrough
		-Wnested-externs
		-Wredundant-decls
	]), [PDC_CFLAGS], [-Werror -Wformat])
	# Intel CPUs from Skylake to Cascade Lake decode anew, each time, what
	# has a branch across 32 bytes.  For gcc, and for clang.
	AX_APPEND_COMPILE_FLAGS(m4_normalize([
		-Wa,-mbranches-within-32B-boundaries
		-mbranches-within-32B-boundaries
	]), [PDC_CFLAGS], [-Werror])
	AC_SUBST([PDC_CFLAGS])
])

# PDC_CHECK_VERSION_SCRIPT
# Set the conditional HAVE_VERSION_SCRIPT.
AC_DEFUN([PDC_CHECK_VERSION_SCRIPT], [
	echo 'PDC_0.1 { global: pdc_version; local: *; };' > conftest.map
	AX_CHECK_LINK_FLAG([-Wl,--version-script=conftest.map],
		[pdc_version_script=yes], [pdc_version_script=no])
	rm -f conftest.map
	AM_CONDITIONAL([HAVE_VERSION_SCRIPT],
		[test "$pdc_version_script" = yes])
])

# PDC_ARG_FAULTS
# --enable-faults: define PDC_FAULTS, the fault points of the tests.
AC_DEFUN([PDC_ARG_FAULTS], [
	AC_ARG_ENABLE([faults],
		[AS_HELP_STRING([--enable-faults],
			[build the fault points that tests arm])],
		[], [enable_faults=no])
	AS_IF([test "$enable_faults" != no],
		[AC_DEFINE([PDC_FAULTS], [1], [Build the fault points.])])
	AM_CONDITIONAL([WITH_FAULTS], [test "$enable_faults" != no])
])

# PDC_ARG_RSEQ
# Define PDC_RSEQ where the restartable sequences are written for the machine;
# --disable-rseq leaves the build without assembly of its own.
AC_DEFUN([PDC_ARG_RSEQ], [
	AC_REQUIRE([AC_CANONICAL_HOST])
	AC_ARG_ENABLE([rseq],
		[AS_HELP_STRING([--disable-rseq],
			[update by compare-and-swap only, without assembly])],
		[], [enable_rseq=yes])
	AS_CASE([$enable_rseq:$host_cpu],
		[no:*], [],
		[*:x86_64], [AC_DEFINE([PDC_RSEQ], [1],
			[Build the restartable sequences.])],
		[enable_rseq=no])
	AM_CONDITIONAL([WITH_RSEQ], [test "$enable_rseq" != no])
])

# PDC_ARG_SANITIZERS
# --enable-sanitizers[=LIST]: set PDC_SAN, for AM_CFLAGS and AM_LDFLAGS.
AC_DEFUN([PDC_ARG_SANITIZERS], [
	AC_ARG_ENABLE([sanitizers],
		[AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
			[build with these sanitizers, by default
			address,undefined])],
		[], [enable_sanitizers=no])
	PDC_SAN=
	AS_CASE([$enable_sanitizers],
		[no], [],
		[yes], [PDC_SAN=-fsanitize=address,undefined],
		[PDC_SAN=-fsanitize=$enable_sanitizers])
	AS_IF([test -n "$PDC_SAN"], [
		AX_CHECK_LINK_FLAG([$PDC_SAN], [],
			[AC_MSG_ERROR([$PDC_SAN does not work here])])
		PDC_SAN="$PDC_SAN -fno-sanitize-recover=all"
		PDC_SAN="$PDC_SAN -fno-omit-frame-pointer"
	])
	AC_SUBST([PDC_SAN])
	AM_CONDITIONAL([WITH_SANITIZERS], [test -n "$PDC_SAN"])
])

# PDC_ARG_WERROR
# --enable-werror: for us; a new compiler must not break a user's build.
AC_DEFUN([PDC_ARG_WERROR], [
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror],
			[treat warnings of the compiler as errors])],
		[], [enable_werror=no])
	AS_IF([test "$enable_werror" != no],
		[PDC_CFLAGS="$PDC_CFLAGS -Werror"])
])

# PDC_CHECK_HTTPD
# --with-httpd[=APXS]: build mod_pdc.  Sets HTTPD_CPPFLAGS, HTTPD_MODULES, HTTPD
# and the conditional WITH_HTTPD.  The module goes below the prefix as those of
# httpd are below its own.
AC_DEFUN([PDC_CHECK_HTTPD], [
	AC_ARG_WITH([httpd],
		[AS_HELP_STRING([--with-httpd@<:@=APXS@:>@],
			[build mod_pdc (default: where apxs is found)])],
		[], [with_httpd=check])
	APXS=
	AS_CASE([$with_httpd],
		[no], [],
		[check|yes], [AC_PATH_PROGS([APXS], [apxs2 apxs])],
		[APXS=$with_httpd])
	AS_IF([test "$with_httpd" = yes && test -z "$APXS"],
		[AC_MSG_ERROR([no apxs, which mod_pdc is built with])])
	AS_IF([test -n "$APXS"], [
		pdc_prefix=`$APXS -q exp_exec_prefix`
		pdc_modules=`$APXS -q exp_libexecdir`
		HTTPD=`$APXS -q SBINDIR`/`$APXS -q PROGNAME`
		HTTPD_CPPFLAGS="-isystem `$APXS -q INCLUDEDIR`"
		HTTPD_CPPFLAGS="$HTTPD_CPPFLAGS -isystem `$APXS -q APR_INCLUDEDIR`"
		HTTPD_CPPFLAGS="$HTTPD_CPPFLAGS -isystem `$APXS -q APU_INCLUDEDIR`"
		HTTPD_CPPFLAGS="$HTTPD_CPPFLAGS `$APXS -q EXTRA_CPPFLAGS`"
		HTTPD_MODULES='${exec_prefix}'${pdc_modules@%:@"$pdc_prefix"}
	])
	AC_SUBST([HTTPD])
	AC_SUBST([HTTPD_CPPFLAGS])
	AC_SUBST([HTTPD_MODULES])
	AM_CONDITIONAL([WITH_HTTPD], [test -n "$APXS"])
])
