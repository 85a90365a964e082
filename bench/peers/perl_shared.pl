#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# A peer: Prometheus::Tiny::Shared.  All processes share a tree in a file, of
# which each update makes a new version.  There are no handles: each increment
# looks up its series.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my @CODES = qw(200 304 404 500);
my @BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5,
	5, 7.5, 10);
my @VALUES = map { 0.001 * (($_ * 389) % 1024) } 0 .. 1023;
my @PATHS = map { "/p/$_" } 0 .. 109;
my $FAMILIES = 10;
my $PR_SET_PDEATHSIG = 1;
my $SIGKILL = 9;

# Scenarios: what sets up, and how many arguments it has.
my %SCENARIOS = (labels => [\&labels, 0], observe => [\&observe, 0],
	same => [\&same, 1], own => [\&own, 1], churn => [\&churn, 1],
	scrape => [\&scrape, 1]);

my $prom;
my @workers;

sub fail {
	my ($status, $words) = @_;
	print STDERR "perl_shared.pl: $words\n";
	POSIX::_exit($status);
}

sub count {
	my ($name) = @_;
	my $page = $prom->format;
	my $sum = 0;
	$sum += $1 while $page =~ /^$name(?:\{.*\})? (\S+)$/mg;
	return $sum;
}

sub nanoseconds {
	my ($begin) = @_;
	return int((clock_gettime(CLOCK_MONOTONIC) - $begin) * 1e9);
}

sub timed {
	my ($work) = @_;
	return sub {
		my $begin = clock_gettime(CLOCK_MONOTONIC);
		$work->($_[0]);
		return nanoseconds($begin);
	};
}

# Fork a worker: $serve gets the ends of two pipes, returned are the others.
sub worker {
	my ($serve) = @_;
	pipe(my $theirs, my $go) && pipe(my $done, my $ours) or
		fail(1, "pipe: $!");
	my $parent = $$;
	my $pid = fork // fail(1, "fork: $!");
	if ($pid == 0) {
		syscall(&SYS_prctl, $PR_SET_PDEATHSIG, $SIGKILL, 0, 0, 0);
		POSIX::_exit(1) if getppid() != $parent;
		close $go;
		close $done;
		$serve->($theirs, $ours);
		POSIX::_exit(0);
	}
	return { pid => $pid, go => $go, done => $done };
}

sub done {
	my ($ours) = @_;
	syswrite $ours, "done\n";
}

sub wait_for {
	my ($worker) = @_;
	my $line = readline $worker->{done};
	fail(1, "a worker ended") if !defined $line;
}

sub end {
	my ($worker) = @_;
	kill KILL => $worker->{pid};
	waitpid $worker->{pid}, 0;
}

# A turn in which each worker increments its series.
sub together {
	my ($nworkers, $labels) = @_;
	for my $i (0 .. $nworkers - 1) {
		my $series = $labels->($i);
		push @workers, worker(sub {
			my ($go, $done) = @_;
			done($done);
			while (my $n = <$go>) {
				$prom->inc('hits_total', $series) for 1 .. $n;
				done($done);
			}
		});
	}
	wait_for($_) for @workers;
	return sub {
		my $begin = clock_gettime(CLOCK_MONOTONIC);
		syswrite $_->{go}, "$_[0]\n" for @workers;
		wait_for($_) for @workers;
		return nanoseconds($begin);
	};
}

sub labels {
	$prom->declare('requests_total', type => 'counter');
	$prom->add('requests_total', 0, { method => 'GET', code => $_ })
		for @CODES;
	my $work = sub {
		$prom->inc('requests_total',
			{ method => 'GET', code => $CODES[$_ & 3] })
			for 0 .. $_[0] - 1;
	};
	return timed($work), sub { count('requests_total') };
}

sub observe {
	$prom->declare('wait_seconds', type => 'histogram',
		buckets => \@BOUNDS);
	my $work = sub {
		$prom->histogram_observe('wait_seconds', $VALUES[$_ & 1023])
			for 0 .. $_[0] - 1;
	};
	return timed($work), sub { count('wait_seconds_count') };
}

sub same {
	$prom->declare('hits_total', type => 'counter');
	return together($_[0], sub { undef }), sub { count('hits_total') };
}

sub own {
	$prom->declare('hits_total', type => 'counter');
	return together($_[0], sub { { worker => $_[0] } }),
		sub { count('hits_total') };
}

sub scrapes {
	my $work = sub { $prom->format for 1 .. $_[0] };
	return timed($work), sub { length $prom->format };
}

sub churn {
	my ($nworkers) = @_;
	my $all = sub {
		$prom->inc('requests_total', { path => $_ }) for @PATHS;
	};
	$prom->declare('requests_total', type => 'counter');
	$all->();
	for (1 .. $nworkers) {
		my $worker = worker(sub {
			my ($go, $done) = @_;
			$all->();
			done($done);
			<$go>;
		});
		wait_for($worker);
		end($worker);
	}
	return scrapes();
}

sub scrape {
	my ($nseries) = @_;
	for my $i (0 .. $FAMILIES - 1) {
		my $family = "family${i}_total";
		$prom->declare($family, type => 'counter');
		$prom->set($family, $_ + 1,
			{ method => 'GET', path => "/some/path/$_" })
			for 0 .. $nseries / $FAMILIES - 1;
	}
	return scrapes();
}

my ($name, @args) = @ARGV;
my ($setup, $nargs) = @{$SCENARIOS{$name // ''} || []};
if (!$setup || @args != $nargs || grep { !/^\d+$/ } @args) {
	fail(2, "usage: SCENARIO [NUMBER], of " .
		join(' ', sort keys %SCENARIOS));
}
my $dir = $ENV{BENCH_DIR} or fail(2, "BENCH_DIR is not set");
eval { require Prometheus::Tiny::Shared } or
	fail(77, "missing the Debian package libprometheus-tiny-shared-perl");
eval { require 'syscall.ph' } or fail(77, "missing the Debian package perl");

$| = 1;
$prom = Prometheus::Tiny::Shared->new(filename => "$dir/shared");
my ($turn, $total) = $setup->(@args);
print "ready\n";
print $turn->($_ + 0), "\n" while <STDIN>;
print "total ", $total->(), "\n";
end($_) for @workers;
