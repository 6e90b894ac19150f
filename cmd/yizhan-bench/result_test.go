package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func sampleResult() *Result {
	r := &Result{Scenario: "send", Parameters: map[string]any{"rate": 5}, Accounting: &Accounting{Sent: 3, Acked: 3, Lost: 1}}
	var h histogram
	h.record(2 * time.Millisecond)
	r.latencies("ack", &h)
	r.figure("acked_per_second", 59_999, "msg/s")
	r.target("acked_per_second", true, 60_000)
	r.target("ack_p99", false, 8)
	r.cpu(spent{elapsed: time.Second, node: time.Second, driver: time.Second / 2, nodeKnown: true}, 1000, "msg")
	r.Errors.noteKey("503 busy")
	r.note("a remark")
	return r
}

func TestResultForPeople(t *testing.T) {
	var out bytes.Buffer
	if err := sampleResult().writeTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"send on ", "rate", "59999 msg/s", "target ≥ 60000: missed", "target ≤ 8: met",
		"1000 µs/msg", "lost", "error 503 busy", "note: a remark", "FAILED"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing from:\n%s", want, out.String())
		}
	}
}

func TestResultForProgramsIsOneLineOfJSON(t *testing.T) {
	var out bytes.Buffer
	if err := sampleResult().writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	if bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Errorf("not one line: %s", out.String())
	}
	var back Result
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Accounting.Lost != 1 || back.Exact || back.Figures[0].Name != "ack_p50" {
		t.Errorf("came back as %+v", back)
	}
}
