// SPDX-License-Identifier: ISC

// decode text|proto: read a page by Go's expfmt, and write it in text 0.0.4.
package main

import (
	"bufio"
	"io"
	"log"
	"os"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func main() {
	format := expfmt.FmtText
	if os.Args[1] == "proto" {
		format = expfmt.FmtProtoDelim
	}
	decoder := expfmt.NewDecoder(os.Stdin, format)
	out := bufio.NewWriter(os.Stdout)
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if err == io.EOF {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		if len(family.Metric) == 0 {
			continue
		}
		if _, err = expfmt.MetricFamilyToText(out, &family); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}
