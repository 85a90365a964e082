/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A counter in Redis as PromPHP has it: a hash for each name with a field for
 * each series, HINCRBYFLOAT for each increment, and its answer is waited for.
 * The server is ours, on a socket in BENCH_DIR; it writes nothing to disk, and
 * is killed when we end.
 */

#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define START_MS 10000

static const char *const codes[] = { "200", "304", "404", "500" };

static redisContext *redis;
static const char *hash;
static char field[32];

static void
server_main(const char *socket)
{
	char log[128];
	int fd;

	snprintf(log, sizeof(log), "%s/log", peer_dir());
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || dup2(fd, STDOUT_FILENO) == -1 ||
	    dup2(fd, STDERR_FILENO) == -1)
		_exit(1);
	close(STDIN_FILENO);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
	    socket, "--save", "", "--appendonly", "no", "--dir", peer_dir(),
	    (char *)NULL);
	_exit(errno == ENOENT ? PEER_MISSING : 1);
}

static void
socket_path(char *path, size_t size)
{
	snprintf(path, size, "%s/sock", peer_dir());
}

static void
redis_connect(void)
{
	char path[128];

	socket_path(path, sizeof(path));
	redis = redisConnectUnix(path);
	if (redis == NULL || redis->err != 0)
		errx(1, "%s: %s", path, redis != NULL ? redis->errstr : "?");
}

static void
server_start(void)
{
	const struct timespec ms = { 0, 1000000 };
	char path[128];
	int i, status;
	pid_t pid;

	socket_path(path, sizeof(path));
	pid = peer_fork();
	if (pid == 0)
		server_main(path);
	for (i = 0; i < START_MS && access(path, F_OK) == -1; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (WIFEXITED(status) &&
			    WEXITSTATUS(status) == PEER_MISSING)
				errx(PEER_MISSING,
				    "missing the Debian package redis-server");
			errx(1, "redis-server has ended");
		}
		nanosleep(&ms, NULL);
	}
}

static void
add(const char *value)
{
	const char *argv[] = { "HINCRBYFLOAT", hash, field, value };
	redisReply *reply = redisCommandArgv(redis, 4, argv, NULL);

	if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
		errx(1, "redis: %s",
		    reply != NULL ? reply->str : redis->errstr);
	freeReplyObject(reply);
}

static void
add_labels(const char *method, const char *code, const char *value)
{
	snprintf(field, sizeof(field), "[\"%s\",\"%s\"]", method, code);
	add(value);
}

static void
setup_labels(unsigned arg)
{
	int i;

	(void)arg;
	server_start();
	redis_connect();
	hash = "requests_total";
	for (i = 0; i < 4; i++)
		add_labels("GET", codes[i], "0");
}

static void
run_labels(uint64_t n)
{
	uint64_t i;

	for (i = 0; i < n; i++)
		add_labels("GET", codes[i % 4], "1");
}

static void
setup_workers(unsigned arg)
{
	(void)arg;
	server_start();
	hash = "hits_total";
}

static void
begin_same(unsigned worker)
{
	(void)worker;
	redis_connect();
	snprintf(field, sizeof(field), "[]");
	add("0");
}

static void
begin_own(unsigned worker)
{
	redis_connect();
	snprintf(field, sizeof(field), "[\"%u\"]", worker);
	add("0");
}

static void
run_workers(uint64_t n)
{
	for (; n > 0; n--)
		add("1");
}

static double
total(void)
{
	redisReply *reply;
	double sum = 0;
	size_t i;

	if (redis == NULL)
		redis_connect();
	reply = redisCommand(redis, "HVALS %s", hash);
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
		errx(1, "redis: no values");
	for (i = 0; i < reply->elements; i++)
		sum += strtod(reply->element[i]->str, NULL);
	freeReplyObject(reply);
	redisFree(redis);
	return sum;
}

static const struct peer_scenario scenarios[] = {
	{ "labels", PEER_ALONE, setup_labels, NULL, run_labels, total, NULL },
	{ "same", PEER_WORKERS, setup_workers, begin_same, run_workers, total,
	    NULL },
	{ "own", PEER_WORKERS, setup_workers, begin_own, run_workers, total,
	    NULL },
	{ NULL, PEER_ALONE, NULL, NULL, NULL, NULL, NULL },
};

int
main(int argc, char **argv)
{
	return peer_main(argc, argv, scenarios);
}
