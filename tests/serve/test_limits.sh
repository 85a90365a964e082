#!/bin/sh
# SPDX-License-Identifier: ISC
# Too many, too slow, too large; and the end.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/serve/serve.sh"

# client SCRIPT [WORD ...]: python with a connection maker
client()
{
	script=$1
	shift
	"$python" -c '
import http.client, os, signal, socket, sys, threading, time
port = int(sys.argv[1])
def connect(rcvbuf=0):
    s = socket.socket()
    s.settimeout(20)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.connect(("127.0.0.1", port))
    return s
def ask(path):
    return ("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path).encode()
def get(path="/metrics", headers={}):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    c.request("GET", path, headers=headers)
    r = c.getresponse()
    text = r.read()
    c.close()
    return r.status, text
def until(condition):
    """Also while connections are refused or reset."""
    end = time.time() + 10
    while True:
        try:
            met = condition()
            if met or time.time() >= end:
                return met
        except OSError:
            if time.time() >= end:
                raise
        time.sleep(0.02)
'"$script" "$port" "$@" 2>&1
}

test_max_requests()
{
	start --web.max-requests=2
	got=$(client '
slow = [connect(4096), connect(4096)]
for s in slow:
    s.sendall(ask("/metrics"))
    s.recv(1)  # it is being served
print(until(lambda: get()[0] == 503), get()[1].decode().strip() != "",
    get("/-/healthy")[0])
for s in slow:
    s.close()
print(until(lambda: get()[0] == 200))
')
	is "$got" "True True 200
True" "a third scrape is 503 until the first end"
	stop
	start --web.max-requests=0
	got=$(client '
codes = []
threads = [threading.Thread(target=lambda: codes.append(get()[0]))
    for i in range(50)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(set(codes)), len(codes))
')
	is "$got" "[200] 50" "0 is no limit"
	stop
}

test_deadline()
{
	start
	late="X-Prometheus-Scrape-Timeout-Seconds: 0.000001"
	is "$(status /metrics -H "$late")" 503 "no time is 503"
	like "$(body)" "?*" "with words"
	for seconds in 0.001 0.01 0.1; do
		code=$(status /metrics -m 5 -H \
		    "X-Prometheus-Scrape-Timeout-Seconds: $seconds")
		like "$code" "[25]0[03]" "$seconds s is answered"
	done
	for seconds in 10 60 1e9 0 -1 nan x ''; do
		is "$(status /metrics -H \
		    "X-Prometheus-Scrape-Timeout-Seconds: $seconds")" 200 \
		    "a timeout of '$seconds' is 200"
	done
	lock_store 60
	started=$(date +%s%N)
	status /metrics -H "X-Prometheus-Scrape-Timeout-Seconds: 0.6" \
	    >/dev/null
	took=$((($(date +%s%N) - started) / 1000000))
	test "$took" -lt 1500
	ok $? "a held lock does not keep the client ($took ms)"
	unlock_store
	is "$(status /metrics)" 200 "and then a page"
	stop
}

test_bad_clients()
{
	start
	got=$(client '
s = connect()
s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100000 + b"\r\n\r\n")
print(s.recv(100).split()[1].decode())
s = connect()
s.sendall(ask("/" + "a" * 60000))
print(s.recv(100).split()[1].decode()[0])
garbage = connect()
garbage.sendall(b"\0\1\2\377\r\n\r\n")
half = connect()
half.sendall(b"GET /metrics HTTP/1.1\r\nHo")
pipe = connect()
pipe.sendall(ask("/-/healthy") * 20)
text = b""
while text.count(b"Healthy") < 20:
    text += pipe.recv(65536)
up = connect()
try:
    up.sendall(b"POST /metrics HTTP/1.1\r\nHost: a\r\n"
        b"Content-Length: 999999999\r\n\r\n")
    for i in range(400):
        up.sendall(b"x" * 65536)
    print("endless")
except OSError:
    print("ended")
print(get()[0])
')
	is "$got" "431
4
ended
200" "large, strange and endless requests do no harm"
	stop
}

test_no_descriptors()
{
	: >"$log"
	(
		ulimit -n 80 &&
		    exec "$PDC_SERVE" --store="$store" \
		    --web.listen-address=127.0.0.1:0
	) 2>"$log" &
	pid=$!
	until_true 10 grep -q 'listening.*127\.0\.0\.1:[1-9]' "$log"
	port=$(sed -n 's/.*listening.*:\([0-9]*\).*/\1/p' "$log")
	url=http://127.0.0.1:$port
	got=$(client '
many = [connect() for i in range(100)]
time.sleep(0.5)
for s in many:
    s.close()
print(until(lambda: get()[0] == 200))
')
	is "$got" True "more clients than descriptors"
	stop
	is "$status" 0 "SIGTERM ends it with status 0"
}

test_together()
{
	start --checkpoint.interval=0
	status /metrics >/dev/null
	before=$(value pdc_checkpoints_total)
	got=$(client '
codes = []
threads = [threading.Thread(target=lambda: codes.append(get()[0]))
    for i in range(30)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(set(codes)), len(codes))
')
	is "$got" "[200] 30" "thirty scrapes together"
	status /metrics >/dev/null
	test "$(($(value pdc_checkpoints_total) - before))" -lt 32
	ok $? "make no more checkpoints than there are"
	stop
}

test_end()
{
	start
	got=$(client '
slow = connect(4096)
slow.sendall(ask("/metrics"))
first = slow.recv(100)
idle = connect()
os.kill(int(sys.argv[2]), signal.SIGTERM)
def refused():
    try:
        connect().close()
        return False
    except ConnectionRefusedError:
        return True
print(until(refused))
slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
text = first
while not text.endswith(b"\r\n0\r\n\r\n"):
    piece = slow.recv(1 << 20)
    if not piece:
        break
    text = text[-10:] + piece
print(text.endswith(b"\r\n0\r\n\r\n"))
' "$pid")
	is "$got" "True
True" "SIGTERM closes the door and finishes what runs"
	wait "$pid"
	is $? 0 "with status 0"
	pid=
	start
	kill -INT "$pid"
	wait "$pid"
	is $? 0 "SIGINT does the same"
	pid=
	start
	got=$(client '
slow = connect(4096)
slow.sendall(ask("/metrics"))
slow.recv(100)
os.kill(int(sys.argv[2]), signal.SIGTERM)
time.sleep(0.3)
os.kill(int(sys.argv[2]), signal.SIGTERM)
' "$pid")
	wait "$pid"
	is "$got:$?" ":143" "a second SIGTERM does not wait"
	pid=
}

# A page of some ten megabytes, more than the kernel takes for a client.
"$top_builddir/tests/serve/fill" "$store" 3000
ok $? "a large store"
test_max_requests
test_deadline
test_bad_clients
test_no_descriptors
test_together
test_end
tap_done
