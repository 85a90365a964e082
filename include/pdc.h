/* SPDX-License-Identifier: ISC */
#ifndef PDC_H
#define PDC_H

/*
 * libpdc: metrics of many processes in one store.
 *
 * A process opens a store, declares families, resolves series, and updates
 * them.  Every process of the store sees and serves the sums of all.
 *
 * Errors.  A function that returns int gives 0 or a negative PDC_E*;
 * pdc_error() then has the words for this thread.  PDC_ESYS leaves errno.
 * Handles are NULL on failure; other results are written on success only.  A
 * NULL handle is a no-op for the update functions and PDC_EINVAL elsewhere.
 *
 * Threads.  All functions may be called from any thread at any time, but for
 * two: nothing may use a store during or after its pdc_close(), nor a
 * transaction from two threads at once.
 *
 * Fork.  Open, declare and resolve before or after fork() as you like; every
 * handle goes on working in the child.  A child can only abort a transaction
 * its parent began.  No update may be made between vfork() and exec.
 *
 * Signals.  The update functions (pdc_inc, pdc_dec, pdc_set, pdc_set_state,
 * pdc_observe) may be called from a signal handler, and so may pdc_log() with
 * PDC_NOWAIT; the others may not.
 *
 * Cost.  An update of a resolved series adds to a number of this CPU in shared
 * memory: no lock, no system call, no allocation.  pdc_labels() with values
 * seen before in this process is one hash look-up.  Everything else may write
 * the store and waits a bounded time for it.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PDC_API __attribute__((visibility("default")))
#else
#define PDC_API
#endif

struct pdc;
struct pdc_family;
struct pdc_series;
struct pdc_txn;
struct pdc_emit;

enum pdc_type {
	PDC_COUNTER = 1,
	PDC_GAUGE,
	PDC_SUMMARY,
	PDC_HISTOGRAM,
	PDC_INFO, /* is 1; what it says is in its labels */
	PDC_STATESET, /* some of its states are on */
	PDC_UNKNOWN /* a number of which nothing is known: set as a gauge */
};

/*
 * Of gauges only.  But for PDC_SHARED and PDC_MOSTRECENT each process has a
 * value of its own, from its first update on, and a page makes one of them;
 * PDC_ALL and PDC_LIVEALL show each by a label slot, a small number that a
 * process has while it lives.  In the live modes the value of a process goes
 * with it, however it ends; in the others it stays.
 */
enum pdc_mode {
	PDC_SHARED, /* one value that all processes change */
	PDC_ALL,
	PDC_LIVEALL,
	PDC_MIN,
	PDC_LIVEMIN,
	PDC_MAX,
	PDC_LIVEMAX,
	PDC_SUM,
	PDC_LIVESUM,
	PDC_MOSTRECENT, /* what was set last; no inc and dec */
	PDC_LIVEMOSTRECENT /* the same, of processes that live */
};

enum pdc_error {
	PDC_EINVAL = -1001, /* an argument is wrong */
	PDC_ENOMEM = -1002, /* no memory */
	PDC_ESYS = -1003, /* a system call failed; see errno */
	PDC_EFORMAT = -1004, /* not a store, or a damaged one */
	PDC_EVERSION = -1005, /* a store of another format version */
	PDC_EPERM = -1006, /* permissions do not allow it */
	PDC_EBUSY = -1007, /* the write lock was not had in time */
	PDC_EAGAIN = -1008, /* what was read has changed: begin again */
	PDC_ENOENT = -1009, /* no such metric or series */
	PDC_EEXIST = -1010, /* declared differently */
	PDC_ENOSPC = -1011, /* the file system or the map is full */
	PDC_EFULL = -1012, /* the store's budget is used up */
	PDC_ENOTSUP = -1013, /* not built yet, or not on this system */
	PDC_ECHILD = -1014, /* begun by the parent of this process */
	PDC_ERANGE = -1015, /* a number is out of its range */
	PDC_ESTORE = -1016, /* the database failed */
	PDC_ECANCELED = -1017 /* the caller ended it himself */
};

enum pdc_flag {
	PDC_RDONLY = 1, /* look only; the store must exist */
	PDC_ATOMIC = 2, /* this process uses compare-and-swap, never rseq */
	PDC_FRESH = 4, /* remove all that is there, of whomever */
	PDC_REFRESH = 8 /* pages are uses, see Expiry; stays with the store */
};

/* All zero suits everybody. */
struct pdc_options {
	const char *group; /* owns a directory made by pdc_open() */
	const char *cells_dir; /* cells, where the store is on a disk */
	unsigned perm; /* mode of a directory made; 0: 0700 */
	unsigned flags; /* enum pdc_flag, or-ed */
	uint32_t max_cpus; /* rseq lanes at most; 0: 64 */
	uint32_t atomic_lanes; /* 0: 1, or CPUs up to 16 without rseq */
	uint32_t wait_ms; /* for the write lock; 0: 1000 */
	uint64_t max_series; /* in each family; stays with the store; 0: any */
	double ttl_s; /* of families that name none; stays with the store */
	uint64_t reserved[8]; /* 0 */
};

struct pdc_desc {
	enum pdc_type type;
	enum pdc_mode mode; /* of a gauge */
	/* UTF-8; with or without a counter's _total, an info's _info */
	const char *name;
	const char *help; /* NULL: none */
	const char *unit; /* NULL: none; else the name ends in _unit */
	const char *const *labels; /* names, then NULL; NULL: none */
	const char *const *states; /* of a stateset: 1 to 53, then NULL */
	/* Of a histogram, rising; NULL: the usual 15, of a native one none */
	const double *bounds;
	size_t nbounds;
	double ttl_s; /* 0: the store's; negative: never; see below */
	double idle_s; /* of each series; 0: as long as its family */
	uint64_t flags; /* PDC_EXEMPLARS, PDC_NATIVE, PDC_NEGATIVE */
	/* Of a native histogram, see below. */
	double native_factor; /* buckets grow by at most that; 0: by schema */
	double native_zero; /* 0: 2^-20 */
	double native_max; /* 0: 2^20, or as much above native_zero */
	int32_t native_schema; /* -4 to 8 */
	uint32_t native_buckets; /* on a page at most; 0: 160 */
	uint64_t reserved[3]; /* 0 */
};

#define PDC_EXEMPLARS 1u /* of a counter or histogram: keep them */
#define PDC_NATIVE 2u /* a histogram has native buckets */
#define PDC_NEGATIVE 4u /* and they tell negative values apart, too */

/*
 * Native histograms.  Their buckets grow by a constant factor, 2^(2^-schema),
 * of which there are 13; a Prometheus that asks for protobuf gets them.  What
 * is not above native_zero is in the bucket of zero, what is above native_max
 * in one bucket behind that of native_max, each infinity in its own; negatives
 * are all in the one next to zero, or with PDC_NEGATIVE in buckets that mirror
 * the others.  Count and sum are of all.
 *
 * A series has all these cells from the beginning, of 16 bytes for each lane
 * and at most 1025: 8 a doubling with schema 3, so 325 as a rule.  Where more
 * than native_buckets of them have something, a page has fewer and wider ones,
 * of the next coarser schemas; the store keeps what it had.
 *
 * With bounds it has classic buckets beside them; and the text formats have
 * these alone, or the one of +Inf.
 */

/*
 * Expiry.  A family that nobody has used for ttl_s ends: all its series with
 * all their suffixes, at once.  Every update, transaction and new series is a
 * use; reading is none, but in a store with PDC_REFRESH a page of all metrics
 * is one.  A series that nobody has used for idle_s ends by itself; what counts
 * is what is done to it, not that it is read.  What is used again begins from
 * nothing, with a new created time; handles stay good.
 */

struct pdc_label {
	const char *name;
	const char *value;
};

/* A number by name: a metric, one of its suffixes, and labels in any order. */
struct pdc_key {
	const char *metric;
	const char *suffix; /* "_total", ""; see pdc_value_get() */
	const struct pdc_label *labels;
	size_t nlabels;
};

/*
 * Open the store in directory dir, making both if need be (not with
 * PDC_RDONLY).
 *
 *	dir	NULL: $PDC_STORE; else /run/pdc if it exists; else
 *		/dev/shm/pdc-UID
 *	options	NULL: all zero
 *
 * Opening a store twice in one process gives the same store, counted; by two
 * copies of this library, PDC_EBUSY.
 */
PDC_API int pdc_open(struct pdc **, const char *dir,
    const struct pdc_options *);

/* Carry what was counted into the store if that is quick; end all handles. */
PDC_API void pdc_close(struct pdc *);

PDC_API const char *pdc_version(void);

/* Static words for 0 or a PDC_E*. */
PDC_API const char *pdc_strerror(int);

/* This thread's last failure in words; "" if there was none. */
PDC_API const char *pdc_error(void);

/*
 * Declare a family, or find it as it was declared before.  The handle lives
 * until pdc_close().  PDC_EEXIST: the store has this name with another type or
 * mode, other labels, bounds or states, or a sample of this family would carry
 * the name of another's; families that have expired do not count.  Another
 * help, unit or ttl_s: the first one stays, and it is counted.
 * Takes no lock if the store has the family already; else waits wait_ms.
 */
PDC_API int pdc_declare(struct pdc_family **, struct pdc *,
    const struct pdc_desc *);

/*
 * The series with these label values, made if need be.
 *
 *	values	as many as .labels names, in that order, then NULL; NULL for a
 *		family without labels.  At most 4096 bytes together; what is
 *		not UTF-8 is replaced by U+FFFD
 *
 * The same values give the same handle, counted; each is given back with
 * pdc_series_free() or ends with pdc_close(), and is not to be used after it
 * was given back as often as it was had.  Some that nobody holds are kept.
 * When the store cannot be written now (PDC_EBUSY within 20 ms, PDC_ENOSPC),
 * returns 0 and a handle that works all the same: its updates take another way
 * until the next checkpoint has made the series.
 *
 * In a family that has the store's max_series already, it counts into the one
 * series with the label overflow="true"; updates of gauges, infos and statesets
 * are dropped and counted then.
 */
PDC_API int pdc_labels(struct pdc_series **, struct pdc_family *,
    const char *const *values);
PDC_API void pdc_series_free(struct pdc_series *);

/*
 * Updates.  They cannot fail; what has to be dropped is counted in the store's
 * pdc_updates_dropped_total.
 *
 *	pdc_inc		counter (finite amount >= 0) or gauge
 *	pdc_dec		gauge, but for the most recent modes; as pdc_inc
 *	pdc_set		gauge
 *	pdc_observe	histogram or summary; NaN is dropped
 *	pdc_set_state	stateset; state counts from 0 in the order of .states.
 *			The other states stay as they are
 *
 * An info has none: it is there once pdc_labels() made it.
 */
PDC_API void pdc_inc(struct pdc_series *, double amount);
PDC_API void pdc_dec(struct pdc_series *, double amount);
PDC_API void pdc_set(struct pdc_series *, double value);
PDC_API void pdc_observe(struct pdc_series *, double value);
PDC_API void pdc_set_state(struct pdc_series *, size_t state, int on);

/*
 * The same, and an exemplar: labels that tell of this one update, as a trace_id
 * does.  Of a counter or a histogram declared with PDC_EXEMPLARS; pages in
 * OpenMetrics and protobuf show the newest of each counter and each bucket,
 * with its value and time.  Names and values together have at most 128 code
 * points and, with a NUL each, 464 bytes; no name comes twice, or begins with
 * __.  What cannot be kept is dropped and counted as "exemplar", and the update
 * counts in any case.  A page on which names would get the same by escaping, or
 * too long, does not show the exemplar.
 * A store has 4096 places for them, or as many as are an eighth of the cells;
 * where they do not suffice the newest stay.  They go with the cells.
 */
PDC_API void pdc_inc_exemplar(struct pdc_series *, double amount,
    const struct pdc_label *, size_t nlabels);
PDC_API void pdc_observe_exemplar(struct pdc_series *, double value,
    const struct pdc_label *, size_t nlabels);

/*
 * Start a counter, summary or histogram from 0, with a new created time.  What
 * other threads add at the same time counts before or after.  A gauge is
 * PDC_EINVAL; PDC_ENOENT if there is no such series any more.
 */
PDC_API int pdc_reset(struct pdc_series *);

/*
 * Take a series away; or, of a family with labels and without values (NULL),
 * all of them and the family, which is shown again with its next update or
 * declaration.  What is added at the same time is gone with it; handles stay
 * good, and the next update makes the series anew, with the next checkpoint.
 * PDC_ENOENT if there is no such series.
 */
PDC_API int pdc_remove(struct pdc_family *, const char *const *values);

/* Carry all that was counted so far into the store. */
PDC_API int pdc_checkpoint(struct pdc *);

/*
 * The upkeep of a store, for who has a timer of his own and no pdc-serve: a
 * checkpoint; families end whose time has passed; what was given up is swept
 * up, to be used again; places of killed readers are freed.  Once a second is
 * right, in one process or in many.  One call does a bounded part, in slices
 * that hold the lock for some milliseconds each, and the next goes on; with
 * nothing to do it returns 0.  PDC_EBUSY: the lock was not to be had in
 * wait_ms; what had been done stays done.  PDC_EPERM: opened read-only.
 */
PDC_API int pdc_maintain(struct pdc *);

/*
 * Transactions by name: all or nothing.  pdc_begin() takes no lock and the
 * calls are kept until pdc_commit(), which ends the transaction in any case
 * and returns the first error of its calls; then nothing was done.
 * PDC_EAGAIN: what pdc_value_get() or pdc_value_setnx() read has been changed
 * by another transaction; updates by handles and other values of gauges are no
 * such changes.
 */
PDC_API int pdc_begin(struct pdc_txn **, struct pdc *);
PDC_API int pdc_commit(struct pdc_txn *);
PDC_API void pdc_abort(struct pdc_txn *);

/* Add to a counter (suffix "_total") or a gauge (suffix "", any amount). */
PDC_API int pdc_value_inc(struct pdc_txn *, const struct pdc_key *,
    double amount);

/*
 * A gauge of which each process has a value is written by name as by a process
 * that then ended: what the dead have left is merged with the value, the same
 * by pdc_value_inc() and pdc_value_set().  PDC_EINVAL in the live modes and in
 * PDC_ALL.
 */

/*
 * Set a gauge; or a counter, which gets a new created time; or to 1 an info
 * (suffix "_info"), which makes it; or to 0 or 1 the state of a stateset that a
 * label called like it names.
 */
PDC_API int pdc_value_set(struct pdc_txn *, const struct pdc_key *,
    double value);

/*
 * Set if there is no such series, and it is no stateset nor a gauge of which
 * each process has a value; was_set (may be NULL) gets 1 or 0.
 */
PDC_API int pdc_value_setnx(struct pdc_txn *, const struct pdc_key *,
    double value, int *was_set);

/*
 * The present value, with the calls of this transaction done.  Suffixes:
 * counter "_total" "_created", gauge "", summary "_count" "_sum" "_created",
 * histogram "_bucket" (label le among the labels) "_count" "_sum" "_created",
 * info "_info", stateset "" (its state among the labels).  A gauge of modes
 * all and liveall has the label slot besides.
 * PDC_ENOENT if there is no such metric or series.
 */
PDC_API int pdc_value_get(struct pdc_txn *, const struct pdc_key *,
    double *value);

/* Observe in a histogram or summary; the key's suffix is ignored. */
PDC_API int pdc_value_observe(struct pdc_txn *, const struct pdc_key *,
    double value);

/*
 * Move the expire timestamp of a metric (without _total), as a write does; one
 * that has expired stays so.  PDC_ENOENT if it was never declared.
 */
PDC_API int pdc_refresh_expire(struct pdc_txn *, const char *metric);

/*
 * One page of all metrics in the format that accept, an HTTP Accept header,
 * asks for: text 0.0.4 or 1.0.0, OpenMetrics 1.0.0 or 0.0.1, or delimited
 * protobuf.  NULL and whatever is not known: text 0.0.4.
 *
 * The page is given to out piece by piece, so that one of millions of series
 * takes some megabytes of memory.  While out runs the store is not read and no
 * lock is held: it may wait as long as it likes, call the other functions but
 * pdc_close(), and fork.  It returns 0, or something else to end the page:
 * PDC_ECANCELED then, with errno as out left it.  An error before the first
 * piece means that there is no page; a later one, that what was given is not
 * whole.
 *
 * What belongs together: all samples of a series always; a family that has less
 * than half a megabyte of text, as it was at one time.  Of a larger one those
 * series are shown which were there when it began and are there in their turn,
 * each once.
 */
PDC_API int pdc_write(struct pdc *, const char *accept,
    int (*out)(void *arg, const void *data, size_t len), void *arg);

/* The Content-Type of such a page; static. */
PDC_API const char *pdc_content_type(const char *accept);

/*
 * The same page in memory.
 *
 *	text	len bytes and a NUL; release with pdc_free() or free()
 *	content_type	static; may be NULL
 */
PDC_API int pdc_render(struct pdc *, const char *accept, char **text,
    size_t *len, const char **content_type);
PDC_API void pdc_free(void *);

/*
 * Numbers that are computed when a page is made.  fn is called at the end of
 * each page that this process makes by pdc_write() or pdc_render(), and gives
 * families by the calls below; pdc-serve and other processes do not have them.
 * It stays until pdc_close() and goes along with fork().  The same fn and arg
 * twice are called once.
 *
 * fn runs in the thread that makes the page, in several at once if several make
 * pages.  Nothing of the store is held meanwhile; it may use the store, but for
 * pdc_write(), pdc_render(), pdc_collect() and pdc_close().  It returns 0, or
 * something else: then nothing of what it gave is on the page.
 */
PDC_API int pdc_collect(struct pdc *, int (*fn)(struct pdc_emit *, void *arg),
    void *arg);

/*
 * Begin a family; the last one ends.  desc is used till then.  It is a shape as
 * for pdc_declare(), without mode and flags, and nothing is declared.
 * PDC_EEXIST: the page or the store has a sample of one of its names; the
 * family is left out.
 */
PDC_API int pdc_emit_family(struct pdc_emit *, const struct pdc_desc *);

/*
 * A series of that family: a counter that is not negative, a gauge, an unknown,
 * an info of 1, or a stateset as the sum of 2^i of the states i that are on.
 * values as for pdc_labels().  PDC_EEXIST: it had these values already.
 */
PDC_API int pdc_emit(struct pdc_emit *, const char *const *values,
    double value);

/*
 * The same of a histogram, with a count for each bucket by itself and one more
 * for +Inf; or of a summary, with one.
 */
PDC_API int pdc_emit_buckets(struct pdc_emit *, const char *const *values,
    const uint64_t *counts, double sum);

/*
 * The journal: lines of logs, events and measures of all processes in one
 * order, which pdc-serve and pdc logs give out as NDJSON.
 *
 *	pdc_log		{"timestamp": T, "level": "INFO", "message": "m",
 *			"attributes": {}}
 *	pdc_event	{"name": "n", "timestamp": T, "attributes": {}}
 *	pdc_measure	{"name": "n", "timestamp": T, "value": 1.0,
 *			"labels": {}}, whose labels are strings
 *
 * T is in seconds, to the microsecond; it rises from line to line, by one
 * microsecond where they come faster, or where the clock was put back.  The
 * lines of one thread keep their order, and so do those of two processes of
 * which one knows of the other's.
 *
 * 0: the line is in shared memory or in the store and stays there if this
 * process is killed.  A short line is copied to this CPU's ring: no lock, no
 * system call.  One of more than about 6 KiB, or without rseq, is a
 * transaction.
 * Where the ring is full it is emptied into the store, for at most 50 ms.
 *
 * A line has at most 256 KiB; of a longer one a string is cut, the fields after
 * it are left out, and a last field "_cut" is true.  Bytes that are not UTF-8
 * become U+FFFD, and "_invalid_utf8" is true.  NaN and infinities are null.
 *
 * PDC_EAGAIN: the rings are full and could not be emptied; the line was refused
 * and counted.  PDC_EINVAL: a field without a name, or that is no JSON.
 * PDC_EPERM: opened read-only.  Also what a transaction may return.
 */
enum pdc_level {
	/* Numbers of OpenTelemetry; those between count as the one below. */
	PDC_LOG_TRACE = 1,
	PDC_LOG_DEBUG = 5,
	PDC_LOG_INFO = 9,
	PDC_LOG_WARNING = 13,
	PDC_LOG_ERROR = 17,
	PDC_LOG_CRITICAL = 21,
	/*
	 * Or-ed to a level: may be called in a signal handler; no other way
	 * than the ring, whose room cuts the line, and no words.  Takes some
	 * 9 KiB of stack.
	 */
	PDC_NOWAIT = 256
};

enum pdc_kind {
	PDC_STRING = 1,
	PDC_INTEGER,
	PDC_NUMBER,
	PDC_BOOL,
	PDC_JSON /* a JSON text, put in as it is but for its blanks */
};

struct pdc_field {
	const char *name;
	enum pdc_kind kind;
	int64_t integer; /* PDC_INTEGER, PDC_BOOL */
	double number; /* PDC_NUMBER */
	const char *text; /* PDC_STRING, PDC_JSON */
};

/* fields may be NULL if there are none; of one name the last one counts. */
PDC_API int pdc_log(struct pdc *, int level, const char *message,
    const struct pdc_field *fields, size_t nfields);
PDC_API int pdc_logf(struct pdc *, int level, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
PDC_API int pdc_event(struct pdc *, const char *name,
    const struct pdc_field *fields, size_t nfields);
PDC_API int pdc_measure(struct pdc *, const char *name, double value,
    const struct pdc_field *labels, size_t nlabels);

/*
 * How much of the journal stays; without limits all of it does.  what: logs,
 * which are all levels together, or one level, default, which are the levels
 * that have none of their own, events or measures.  The oldest lines go, by age
 * first: whenever lines come into the store, and with pdc_maintain(), which
 * pdc-serve does, too.  The limits are in the store, for everybody.
 *
 * NULL: none of its own.  A member that is 0 is no limit, so a level with
 * nothing but 0 keeps its lines whatever the default is.
 *
 * A transaction, if that changes anything.  PDC_EINVAL: what is none of these,
 * or a member is negative.
 */
struct pdc_retention {
	double max_age_seconds;
	int64_t max_count; /* lines */
	int64_t max_bytes; /* of lines as they are served */
};

PDC_API int pdc_retain(struct pdc *, const char *what,
    const struct pdc_retention *);

/*
 * Fields that are in all lines of this thread, before their own, which win
 * where names are the same.
 *
 *	push	add them until the next pop
 *	set	have these instead of all that are there now, until the next pop
 *	clear	have none, and forget what was pushed
 *
 * PDC_EINVAL, PDC_ENOMEM.  A child has those of the thread that forked.
 */
PDC_API int pdc_context_push(const struct pdc_field *, size_t nfields);
PDC_API void pdc_context_pop(void);
PDC_API int pdc_context_set(const struct pdc_field *, size_t nfields);
PDC_API void pdc_context_clear(void);

#ifdef __cplusplus
}
#endif

#endif
