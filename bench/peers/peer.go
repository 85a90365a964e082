// SPDX-License-Identifier: ISC

// What the peers in Go share: peer.h has the protocol.  A worker is a
// goroutine.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

type form int

const (
	alone   form = iota // no argument; run is called by main
	sized               // a number as argument, else the same
	workers             // so many goroutines call run
)

type scenario struct {
	name    string
	form    form
	setup   func(arg int)
	run     func(worker, n int) // n operations; all that is timed
	counted string              // the sample that counts them; "": the bytes
}

var codes = [...]string{"200", "304", "404", "500"}

// What observe observes.
var values [1024]float64

var page bytes.Buffer

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, os.Args[0]+": "+format+"\n", args...)
	os.Exit(1)
}

func usage(scenarios []scenario) {
	for _, s := range scenarios {
		number := ""
		if s.form != alone {
			number = " NUMBER"
		}
		fmt.Fprintf(os.Stderr, "usage: %s %s%s\n", os.Args[0], s.name,
			number)
	}
	os.Exit(2)
}

// choose the scenario and its argument.
func choose(scenarios []scenario) (scenario, int) {
	for _, s := range scenarios {
		if len(os.Args) < 2 || s.name != os.Args[1] {
			continue
		}
		if s.form == alone && len(os.Args) == 2 {
			return s, 0
		}
		if s.form == alone || len(os.Args) != 3 {
			break
		}
		arg, err := strconv.Atoi(os.Args[2])
		if err != nil || arg < 0 || s.form == workers && arg == 0 {
			break
		}
		return s, arg
	}
	usage(scenarios)
	panic("not reached")
}

// turns returns a function that makes n operations, by nworkers goroutines if
// there are to be any.
func turns(s scenario, nworkers int) func(n int) {
	if s.form != workers {
		return func(n int) { s.run(0, n) }
	}
	var done sync.WaitGroup
	release := make([]chan int, nworkers)
	for i := range release {
		release[i] = make(chan int)
		go func(worker int) {
			for n := range release[worker] {
				s.run(worker, n)
				done.Done()
			}
		}(i)
	}
	return func(n int) {
		done.Add(nworkers)
		for _, c := range release {
			c <- n
		}
		done.Wait()
	}
}

// sum adds up the samples of a page with this name.
func sum(name string) float64 {
	total := 0.0
	for _, line := range bytes.Split(page.Bytes(), []byte("\n")) {
		end := bytes.IndexAny(line, " {")
		if end < 0 || string(line[:end]) != name {
			continue
		}
		value := string(line[bytes.LastIndexByte(line, ' ')+1:])
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			fail("%v", err)
		}
		total += number
	}
	return total
}

// speak the protocol; render writes the whole page to page.
func speak(scenarios []scenario, render func()) {
	for i := range values {
		values[i] = 0.001 * float64(i*389%1024)
	}
	s, arg := choose(scenarios)
	s.setup(arg)
	turn := turns(s, arg)
	fmt.Println("ready")
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		n, err := strconv.Atoi(input.Text())
		if err != nil || n < 0 {
			fail("not a number: %s", input.Text())
		}
		start := time.Now()
		turn(n)
		fmt.Println(time.Since(start).Nanoseconds())
	}
	if err := input.Err(); err != nil {
		fail("%v", err)
	}
	render()
	total := float64(page.Len())
	if s.counted != "" {
		total = sum(s.counted)
	}
	fmt.Printf("total %.0f\n", total)
}
