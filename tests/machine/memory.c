/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "machine/memory.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "tap.h"

static struct memory own;
struct memory *memory = &own;

void
memory_arm(long nth, int on)
{
	atomic_store(&memory->failed, 0);
	atomic_store(&memory->on, on);
	atomic_store(&memory->left, nth);
}

int
memory_disarm(void)
{
	atomic_store(&memory->left, 0);
	return atomic_load(&memory->failed);
}

#if defined(__GLIBC__) && !SANITIZED

/* Each has another name there, to be called from here. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

int
memory_counted(void)
{
	return 1;
}

static int
refused(void)
{
	long n = atomic_load(&memory->left);

	do
		if (n == 0)
			return 0;
	while (!atomic_compare_exchange_weak(&memory->left, &n,
	    n > 1 || !atomic_load(&memory->on) ? n - 1 : n));
	if (n > 1)
		return 0;
	atomic_store(&memory->failed, 1);
	errno = ENOMEM;
	return 1;
}

static void *
given(void *mem)
{
	if (mem != NULL)
		atomic_fetch_add(&memory->live, 1);
	return mem;
}

#pragma GCC visibility push(default)

void *
malloc(size_t n)
{
	return refused() ? NULL : given(__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
	return refused() ? NULL : given(__libc_calloc(n, size));
}

void *
realloc(void *old, size_t n)
{
	void *mem;

	if (refused())
		return NULL;
	mem = __libc_realloc(old, n);
	return old == NULL ? given(mem) : mem;
}

void *
memalign(size_t align, size_t n)
{
	return refused() ? NULL : given(__libc_memalign(align, n));
}

void *
aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

int
posix_memalign(void **memp, size_t align, size_t n)
{
	void *mem = memalign(align, n);

	if (mem == NULL)
		return ENOMEM;
	*memp = mem;
	return 0;
}

void
free(void *mem)
{
	if (mem != NULL)
		atomic_fetch_sub(&memory->live, 1);
	__libc_free(mem);
}

#pragma GCC visibility pop

#else

int
memory_counted(void)
{
	return 0;
}

#endif
