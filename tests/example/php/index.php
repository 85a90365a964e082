<?php
// SPDX-License-Identifier: ISC
// For PHP-FPM: a page that counts with libpdc by FFI (ffi.enable = true).  PHP
// keeps nothing from one request to the next; libpdc does, in each worker: all
// but the first pdc_open(), pdc_declare() and pdc_labels() look up.

final class Metrics
{
	private const DECLARATIONS = <<<'C'
	struct pdc_desc {
		int type, mode;
		const char *name;
		const char *help;
		const char *unit;
		const char *const *labels;
		const char *const *states;
		const double *bounds;
		size_t nbounds;
		double ttl_s, idle_s;
		uint64_t reserved[8];
	};
	const char *pdc_error(void);
	int pdc_open(void **, const char *dir, const void *options);
	int pdc_declare(void **, void *store, const struct pdc_desc *);
	int pdc_labels(void **, void *family, const char *const *values);
	void pdc_series_free(void *);
	void pdc_inc(void *, double);
	void pdc_observe(void *, double);
	C;
	private FFI $c;
	private FFI\CData $store;

	public function __construct()
	{
		$this->c = FFI::cdef(self::DECLARATIONS,
		    getenv('PDC_LIB') ?: 'libpdc.so.0');
		$this->store = $this->make('pdc_open', null, null); // $PDC_STORE
	}

	private function make(string $function, ...$args): FFI\CData
	{
		$made = $this->c->new('void *');
		if ($this->c->$function(FFI::addr($made), ...$args) < 0)
			throw new RuntimeException($this->c->pdc_error());
		return $made;
	}

	// What C is to keep a pointer to stays in $kept while it is used.
	private function string(string $word, array &$kept): FFI\CData
	{
		$size = strlen($word) + 1;
		$kept[] = $text = $this->c->new("char[$size]");
		FFI::memcpy($text, $word . "\0", $size);
		return $this->c->cast('const char *', $text);
	}

	private function strings(array $words, array &$kept): FFI\CData
	{
		$size = count($words) + 1;
		$kept[] = $list = $this->c->new("const char *[$size]");
		foreach ($words as $i => $word)
			$list[$i] = $this->string($word, $kept);
		return $this->c->cast('const char *const *', $list);
	}

	public function declare(int $type, string $name, string $help,
	    string ...$labels): FFI\CData
	{
		$kept = [];
		$desc = $this->c->new('struct pdc_desc');
		$desc->type = $type;
		$desc->name = $this->string($name, $kept);
		$desc->help = $this->string($help, $kept);
		$desc->labels = $this->strings($labels, $kept);
		return $this->make('pdc_declare', $this->store, FFI::addr($desc));
	}

	public function update(string $function, FFI\CData $family,
	    float $value, string ...$labels): void
	{
		$kept = [];
		$series = $this->make('pdc_labels', $family,
		    $this->strings($labels, $kept));
		$this->c->$function($series, $value);
		$this->c->pdc_series_free($series);
	}
}

$start = hrtime(true);
$metrics = new Metrics;
$requests = $metrics->declare(1, 'http_requests', 'Requests.', 'code',
    'method');
$durations = $metrics->declare(4, 'http_request_duration_seconds',
    'Durations.');
$sizes = $metrics->declare(3, 'http_response_size_bytes', 'Sizes of bodies.');

$method = $_SERVER['REQUEST_METHOD'];
$status = $_SERVER['REQUEST_URI'] === '/' ? '200 OK' : '404 Not Found';
if ($method !== 'GET' && $method !== 'HEAD')
	[$status, $method] = ['405 Not Allowed', 'other'];
$body = $method === 'HEAD' ? '' : $status;
// Counted before any of the answer is sent.
$metrics->update('pdc_inc', $requests, 1, substr($status, 0, 3), $method);
$metrics->update('pdc_observe', $sizes, strlen($body));
$metrics->update('pdc_observe', $durations, (hrtime(true) - $start) / 1e9);
header("Status: $status");
header('Content-Length: ' . strlen($body));
echo $body;
