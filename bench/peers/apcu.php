#!/usr/bin/env -S php -d apc.enable_cli=1 -d apc.shm_size=64M
<?php
// SPDX-License-Identifier: ISC
//
// A peer: APCu, which has shared memory of all processes of PHP, as PromPHP
// uses it: a key for each series, made of its name and labels.  Numbers are
// whole ones, as in its store APCng, or with "-cas" the bits of doubles, as in
// its store APC.

declare(strict_types=1);

const CODES = ['200', '304', '404', '500'];
const SCENARIOS = ['labels' => 0, 'same' => 1, 'own' => 1,
    'labels-cas' => 0, 'same-cas' => 1, 'own-cas' => 1];
const PR_SET_PDEATHSIG = 1;

function fail(int $status, string $words): never
{
    fwrite(STDERR, "apcu.php: $words\n");
    exit($status);
}

// --- what PromPHP does with APCu ---

function series_key(string $name, array $labels): string
{
    return "prom:counter:$name:" . base64_encode(json_encode($labels)) .
        ':value';
}

function to_bits(float $value): int
{
    return unpack('Q', pack('d', $value))[1];
}

function from_bits(int $bits): float
{
    return unpack('d', pack('Q', $bits))[1];
}

function add_double(string $key): void
{
    do {
        $old = apcu_fetch($key);
    } while (!apcu_cas($key, $old, to_bits(from_bits($old) + 1)));
}

// --- scenarios ---

function increment_labels(int $n, bool $doubles): void
{
    for ($i = 0; $i < $n; $i++) {
        $key = series_key('requests_total', ['GET', CODES[$i & 3]]);
        if ($doubles) {
            add_double($key);
        } else {
            apcu_inc($key);
        }
    }
}

function increment(string $key, int $n, bool $doubles): void
{
    if ($doubles) {
        for ($i = 0; $i < $n; $i++) {
            add_double($key);
        }
    } else {
        for ($i = 0; $i < $n; $i++) {
            apcu_inc($key);
        }
    }
}

// Fork a worker, which gets the ends of two pipes.  Returns the others.
function worker(FFI $libc, Closure $serve): array
{
    $go = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $parent = getmypid();
    $pid = pcntl_fork();
    if ($pid === -1) {
        fail(1, 'cannot fork');
    }
    if ($pid === 0) {
        $libc->prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (posix_getppid() === $parent) {
            $serve($go[1]);
        }
        posix_kill(getmypid(), SIGKILL);
    }
    fclose($go[1]);
    return ['pid' => $pid, 'pipe' => $go[0]];
}

function wait_for(array $worker): void
{
    if (fgets($worker['pipe']) !== "done\n") {
        fail(1, 'a worker ended');
    }
}

function serve($pipe, string $key, bool $doubles): void
{
    fwrite($pipe, "done\n");
    while (($line = fgets($pipe)) !== false) {
        increment($key, (int)$line, $doubles);
        fwrite($pipe, "done\n");
    }
}

// A turn in which each worker increments its key.
function together(array $workers): Closure
{
    return function (int $n) use ($workers): int {
        $begin = hrtime(true);
        foreach ($workers as $worker) {
            fwrite($worker['pipe'], "$n\n");
        }
        foreach ($workers as $worker) {
            wait_for($worker);
        }
        return hrtime(true) - $begin;
    };
}

function start(array $keys, bool $doubles): array
{
    $libc = FFI::cdef('int prctl(int, unsigned long);');
    $workers = [];
    foreach ($keys as $key) {
        $workers[] = worker($libc, function ($pipe) use ($key, $doubles) {
            serve($pipe, $key, $doubles);
        });
    }
    foreach ($workers as $worker) {
        wait_for($worker);
    }
    return $workers;
}

function total(array $keys, bool $doubles): int
{
    $sum = 0;
    foreach (array_unique($keys) as $key) {
        $value = apcu_fetch($key);
        $sum += $doubles ? (int)from_bits($value) : $value;
    }
    return $sum;
}

function main(string $scenario, int $nworkers): void
{
    $doubles = str_ends_with($scenario, '-cas');
    $labels = str_starts_with($scenario, 'labels');
    $keys = [];
    foreach ($labels ? CODES : range(1, $nworkers) as $i => $code) {
        $keys[] = $labels ? series_key('requests_total', ['GET', $code]) :
            series_key('hits_total',
                str_starts_with($scenario, 'own') ? [(string)$i] : []);
    }
    foreach ($keys as $key) {
        apcu_add($key, $doubles ? to_bits(0.0) : 0);
    }
    if ($labels) {
        $workers = [];
        $turn = function (int $n) use ($doubles): int {
            $begin = hrtime(true);
            increment_labels($n, $doubles);
            return hrtime(true) - $begin;
        };
    } else {
        $workers = start($keys, $doubles);
        $turn = together($workers);
    }
    echo "ready\n";
    while (($line = fgets(STDIN)) !== false) {
        echo $turn((int)$line), "\n";
    }
    echo 'total ', total($keys, $doubles), "\n";
    foreach ($workers as $worker) {
        posix_kill($worker['pid'], SIGKILL);
        pcntl_waitpid($worker['pid'], $status);
    }
}

$args = array_slice($argv, 1);
$nargs = SCENARIOS[$args[0] ?? ''] ?? null;
if ($nargs === null || count($args) !== $nargs + 1 ||
    ($nargs === 1 && (int)$args[1] < 1)) {
    fail(2, 'usage: SCENARIO [NUMBER], of ' .
        implode(' ', array_keys(SCENARIOS)));
}
$needed = ['apcu' => 'apcu', 'pcntl' => 'cli', 'FFI' => 'common'];
foreach ($needed as $name => $in) {
    if (!extension_loaded($name)) {
        fail(77, "missing the Debian package php8.2-$in");
    }
}
if (!apcu_enabled()) {
    fail(1, 'apc.enable_cli is not set');
}
main($args[0], (int)($args[1] ?? 0));
