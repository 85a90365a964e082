// SPDX-License-Identifier: ISC

// Read doubles, eight bytes each; write a page of gauges by Go's expfmt, in text
// 0.0.4 and then in OpenMetrics.
package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"log"
	"math"
	"os"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	name, kind := "g", dto.MetricType_GAUGE
	family := &dto.MetricFamily{Name: &name, Type: &kind}
	for {
		var bits uint64
		err := binary.Read(in, binary.LittleEndian, &bits)
		if err == io.EOF {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		v := math.Float64frombits(bits)
		family.Metric = append(family.Metric,
			&dto.Metric{Gauge: &dto.Gauge{Value: &v}})
	}
	if _, err := expfmt.MetricFamilyToText(out, family); err != nil {
		log.Fatal(err)
	}
	if _, err := expfmt.MetricFamilyToOpenMetrics(out, family); err != nil {
		log.Fatal(err)
	}
	out.Flush()
}
