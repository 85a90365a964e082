#!/usr/bin/ruby
# SPDX-License-Identifier: ISC
# frozen_string_literal: true
#
# A peer: GitLab's prometheus-client-mmap.  Each process has files of its own,
# an extension in C adds up what is in the files.  A counter has no handle for
# one of its series: each increment looks it up.

require 'fiddle'

CODES = %w[200 304 404 500].freeze
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 5,
          7.5, 10].freeze
VALUES = Array.new(1024) { |i| 0.001 * ((i * 389) % 1024) }.freeze
PATHS = Array.new(110) { |i| "/p/#{i}" }.freeze
FAMILIES = 10
# Scenarios, and how many arguments they have.
SCENARIOS = { 'labels' => 0, 'observe' => 0, 'same' => 1, 'own' => 1,
              'churn' => 1, 'scrape' => 1 }.freeze
PR_SET_PDEATHSIG = 1
SIGKILL = 9

def fail_with(status, words)
  warn "ruby_mmap.rb: #{words}"
  exit status
end

dir = ENV['BENCH_DIR'] or fail_with 2, 'BENCH_DIR is not set'
ENV['prometheus_multiproc_dir'] = dir
begin
  require 'prometheus/client'
  require 'prometheus/client/formats/text'
rescue LoadError
  fail_with 77, 'missing the Debian package ruby-prometheus-client-mmap'
end

def clock
  Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
end

def page
  Prometheus::Client::Formats::Text.marshal_multiprocess
end

def count(name)
  page.each_line.sum do |line|
    line.start_with?("#{name} ", "#{name}{") ? line.split.last.to_f.to_i : 0
  end
end

def counter(name)
  Prometheus::Client.registry.counter(name, 'A counter.')
end

def timed
  lambda do |n|
    start = clock
    yield n
    clock - start
  end
end

PRCTL = Fiddle::Function.new(Fiddle.dlopen(nil)['prctl'],
                             [Fiddle::TYPE_INT, Fiddle::TYPE_LONG],
                             Fiddle::TYPE_INT)

# Fork a worker, which gets the ends of two pipes: returns the others.
def worker
  theirs, go = IO.pipe
  done, ours = IO.pipe
  parent = Process.pid
  pid = fork do
    PRCTL.call(PR_SET_PDEATHSIG, SIGKILL)
    exit! 1 if Process.ppid != parent
    [go, done].each(&:close)
    Prometheus::Client.reinitialize_on_pid_change
    yield theirs, ours
    exit! 0
  end
  [theirs, ours].each(&:close)
  { pid: pid, go: go, done: done }
end

def wait_for(worker)
  worker[:done].gets == "done\n" or fail_with 1, 'a worker ended'
end

def kill(worker)
  Process.kill(:KILL, worker[:pid])
  Process.wait(worker[:pid])
  [worker[:go], worker[:done]].each(&:close)
end

def increments(counter, labels, times)
  i = 0
  while i < times
    counter.increment(labels)
    i += 1
  end
end

# A turn in which each worker increments its series.
def together(nworkers)
  counter = counter(:hits_total)
  workers = Array.new(nworkers) do |i|
    labels = yield i
    worker do |go, done|
      counter.increment(labels, 0)
      done.syswrite("done\n")
      while (line = go.gets)
        increments(counter, labels, line.to_i)
        done.syswrite("done\n")
      end
    end
  end
  workers.each { |worker| wait_for(worker) }
  at_exit { workers.each { |worker| kill(worker) } }
  lambda do |n|
    start = clock
    workers.each { |worker| worker[:go].syswrite("#{n}\n") }
    workers.each { |worker| wait_for(worker) }
    clock - start
  end
end

def labels
  requests = counter(:requests_total)
  CODES.each { |code| requests.increment({ method: 'GET', code: code }, 0) }
  turn = timed do |n|
    i = 0
    while i < n
      requests.increment({ method: 'GET', code: CODES[i & 3] })
      i += 1
    end
  end
  [turn, -> { count('requests_total') }]
end

def observe
  wait = Prometheus::Client.registry.histogram(:wait_seconds, 'Waits.', {},
                                               BOUNDS)
  none = {}
  turn = timed do |n|
    i = 0
    while i < n
      wait.observe(none, VALUES[i & 1023])
      i += 1
    end
  end
  [turn, -> { count('wait_seconds_count') }]
end

def same(nworkers)
  [together(nworkers) { {} }, -> { count('hits_total') }]
end

def own(nworkers)
  [together(nworkers) { |i| { worker: i.to_s } }, -> { count('hits_total') }]
end

def scrapes
  [timed { |n| n.times { page } }, -> { page.bytesize }]
end

def churn(nworkers)
  requests = counter(:requests_total)
  PATHS.each { |path| requests.increment({ path: path }) }
  nworkers.times do
    worker = worker do |go, done|
      PATHS.each { |path| requests.increment({ path: path }) }
      done.syswrite("done\n")
      go.gets
    end
    wait_for(worker)
    kill(worker)
  end
  scrapes
end

def scrape(nseries)
  FAMILIES.times do |i|
    family = counter(:"family#{i}_total")
    (nseries / FAMILIES).times do |j|
      family.increment({ method: 'GET', path: "/some/path/#{j}" }, j + 1)
    end
  end
  scrapes
end

scenario, *args = ARGV
unless SCENARIOS[scenario] == args.size && args.all?(/\A\d+\z/)
  fail_with 2, "usage: SCENARIO [NUMBER], of #{SCENARIOS.keys.join(' ')}"
end
turn, total = send(scenario, *args.map(&:to_i))
$stdout.sync = true
puts 'ready'
$stdin.each_line { |line| puts turn.call(line.to_i) }
puts "total #{total.call}"
