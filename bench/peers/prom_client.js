#!/usr/bin/env node
// SPDX-License-Identifier: ISC
//
// A peer: prom-client, and its way to join the processes of a cluster: each
// worker sends what it has as messages, the primary adds them up.  What a dead
// worker has counted is lost.  A handle does what its name and labels do.

'use strict';

const cluster = require('node:cluster');
const readline = require('node:readline');

const CODES = ['200', '304', '404', '500'];
const BOUNDS = [
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 5, 7.5,
	10,
];
const VALUES = Array.from({ length: 1024 },
	(_, i) => 0.001 * ((i * 389) % 1024));
const FAMILIES = 10;
const CLUSTER_WORKERS = 2;
// A busy worker sees that its primary has died after so many operations.
const CHUNK = 1000000;

function fail(status, words) {
	console.error(`prom_client.js: ${words}`);
	process.exit(status);
}

let prom;
try {
	prom = require('prom-client');
} catch {
	fail(77, 'missing the npm package prom-client in NODE_PATH');
}

function count(page, name) {
	const found = page.matchAll(
		new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
	let sum = 0;
	for (const [, value] of found)
		sum += Number(value);
	return sum;
}

function counter(name, labelNames = []) {
	return new prom.Counter({ name, help: 'A counter.', labelNames });
}

async function totalOf(name) {
	return count(await prom.register.metrics(), name);
}

// A turn: work(n), and the nanoseconds that it took.
function timed(work) {
	return async n => {
		const begin = process.hrtime.bigint();
		await work(n);
		return process.hrtime.bigint() - begin;
	};
}

function inc() {
	const hits = counter('hits_total');
	const work = n => {
		for (let i = 0; i < n; i++)
			hits.inc();
	};
	return { turn: timed(work), total: () => totalOf('hits_total') };
}

function labels() {
	const requests = counter('requests_total', ['method', 'code']);
	for (const code of CODES)
		requests.inc({ method: 'GET', code }, 0);
	const work = n => {
		for (let i = 0; i < n; i++)
			requests.inc({ method: 'GET', code: CODES[i & 3] });
	};
	return { turn: timed(work), total: () => totalOf('requests_total') };
}

function observe() {
	const wait = new prom.Histogram(
		{ name: 'wait_seconds', help: 'Waits.', buckets: BOUNDS });
	const work = n => {
		for (let i = 0; i < n; i++)
			wait.observe(VALUES[i & 1023]);
	};
	return { turn: timed(work),
		total: () => totalOf('wait_seconds_count') };
}

function makeSeries(nseries) {
	for (let i = 0; i < FAMILIES; i++) {
		const family = counter(`family${i}_total`, ['method', 'path']);
		for (let j = 0; j < nseries / FAMILIES; j++) {
			const path = `/some/path/${j}`;
			family.inc({ method: 'GET', path }, j + 1);
		}
	}
}

function scrapes(page) {
	const work = async n => {
		for (let i = 0; i < n; i++)
			await page();
	};
	const total = async () => Buffer.byteLength(await page());
	return { turn: timed(work), total };
}

function scrape(nseries) {
	makeSeries(nseries);
	return scrapes(() => prom.register.metrics());
}

// What workers do: say that they are there, then a turn for each number.  The
// library has messages of its own.
function serve(work) {
	process.on('message', async message => {
		if (message.turn === undefined)
			return;
		for (let left = message.turn; left > 0; left -= CHUNK) {
			work(Math.min(left, CHUNK));
			await new Promise(setImmediate);
		}
		process.send({ done: true });
	});
	process.send({ done: true });
}

function worker(scenario, arg, number) {
	new prom.AggregatorRegistry();
	if (scenario === 'cluster') {
		makeSeries(arg);
		serve(() => {});
		return;
	}
	const hits = scenario === 'same' ? counter('hits_total') :
		counter('hits_total', ['worker']).labels(number);
	serve(n => {
		for (let i = 0; i < n; i++)
			hits.inc();
	});
}

// All workers have said that they are done with what start() began.
function allDone(start) {
	let left;
	return new Promise(resolve => {
		const heard = (_, message) => {
			if (!message.done || --left > 0)
				return;
			cluster.off('message', heard);
			resolve();
		};
		cluster.on('message', heard);
		left = start();
	});
}

// Fork the workers.  Returns their registry.
async function fork(nworkers) {
	cluster.on('exit', () => fail(1, 'a worker ended'));
	await allDone(() => {
		for (let i = 0; i < nworkers; i++)
			cluster.fork({ BENCH_WORKER: String(i) });
		return nworkers;
	});
	return new prom.AggregatorRegistry();
}

async function together(nworkers) {
	const registry = await fork(nworkers);
	const workers = Object.values(cluster.workers);
	const work = n => allDone(() => {
		for (const worker of workers)
			worker.send({ turn: n });
		return nworkers;
	});
	const total = async () =>
		count(await registry.clusterMetrics(), 'hits_total');
	return { turn: timed(work), total };
}

async function clusterScrape() {
	const registry = await fork(CLUSTER_WORKERS);
	return scrapes(() => registry.clusterMetrics());
}

// Scenarios: what sets up, and how many arguments it has.
const SCENARIOS = {
	inc: [inc, 0],
	labels: [labels, 0],
	observe: [observe, 0],
	same: [together, 1],
	own: [together, 1],
	scrape: [scrape, 1],
	cluster: [clusterScrape, 1],
};

async function main(scenario, args) {
	const [setup, nargs] = SCENARIOS[scenario] ?? [];
	if (nargs !== args.length || !args.every(arg => /^[1-9]\d*$/.test(arg)))
		fail(2, 'usage: SCENARIO [NUMBER], of ' +
			Object.keys(SCENARIOS).join(' '));
	const { turn, total } = await setup(...args.map(Number));
	process.stdout.write('ready\n');
	const lines = readline.createInterface({ input: process.stdin });
	for await (const line of lines)
		process.stdout.write(`${await turn(Number(line))}\n`);
	process.stdout.write(`total ${await total()}\n`, () => process.exit(0));
}

const [scenario, ...args] = process.argv.slice(2);
if (cluster.isPrimary)
	main(scenario, args).catch(error => fail(1, error.message));
else
	worker(scenario, Number(args[0]), process.env.BENCH_WORKER);
