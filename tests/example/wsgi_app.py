# SPDX-License-Identifier: ISC
"""For gunicorn and uWSGI: an application that counts with libpdc by ctypes."""
import ctypes as c
import functools
import os
import time


class Desc(c.Structure):  # struct pdc_desc
    _fields_ = [("type", c.c_int), ("mode", c.c_int), ("name", c.c_char_p),
                ("help", c.c_char_p), ("unit", c.c_char_p),
                ("labels", c.POINTER(c.c_char_p)), ("states", c.c_void_p),
                ("bounds", c.POINTER(c.c_double)), ("nbounds", c.c_size_t),
                ("ttl_s", c.c_double), ("idle_s", c.c_double),
                ("reserved", c.c_uint64 * 8)]


def make(function, *args):
    made = c.c_void_p()
    if function(c.byref(made), *args) < 0:
        raise OSError(pdc.pdc_error().decode())
    return made.value


def declare(kind, name, text, *labels):
    desc = Desc(type=kind, name=name, help=text, labels=strings(labels))
    return make(pdc.pdc_declare, store, c.byref(desc))


def strings(words):
    return (c.c_char_p * (len(words) + 1))(*map(str.encode, words), None)


@functools.cache  # handles go on working in forked workers
def series(family, *values):
    return make(pdc.pdc_labels, family, strings(values))


pdc = c.CDLL(os.environ.get("PDC_LIB", "libpdc.so.0"))
pdc.pdc_error.restype = c.c_char_p
pdc.pdc_declare.argtypes = pdc.pdc_labels.argtypes = [c.c_void_p] * 3
pdc.pdc_inc.argtypes = pdc.pdc_observe.argtypes = [c.c_void_p, c.c_double]
store = make(pdc.pdc_open, None, None)  # $PDC_STORE
requests = declare(1, b"http_requests", b"Requests.", "code", "method")
durations = declare(4, b"http_request_duration_seconds", b"Durations.")
sizes = declare(3, b"http_response_size_bytes", b"Sizes of bodies.")


def app(environ, start_response):
    start, method = time.monotonic(), environ["REQUEST_METHOD"]
    status = "200 OK" if environ["PATH_INFO"] == "/" else "404 Not Found"
    if method not in ("GET", "HEAD"):
        status, method = "405 Not Allowed", "other"
    body = b"" if method == "HEAD" else status.encode()
    pdc.pdc_inc(series(requests, status[:3], method), 1)
    pdc.pdc_observe(series(sizes), len(body))
    pdc.pdc_observe(series(durations), time.monotonic() - start)
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]
