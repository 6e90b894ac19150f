package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// Result is what one scenario measured: one JSON object with --json.
type Result struct {
	Scenario   string         `json:"scenario"`
	Started    time.Time      `json:"started"`
	Host       Host           `json:"host"`
	Parameters map[string]any `json:"parameters"`
	Figures    []Figure       `json:"figures"`
	Accounting *Accounting    `json:"accounting,omitempty"` // of scenarios that send messages
	Errors     errorCounts    `json:"errors,omitempty"`     // by code or kind
	Notes      []string       `json:"notes,omitempty"`
	// Exact is false when a message was lost, doubled, reordered or left
	// unanswered, or a connection failed.
	Exact bool `json:"exact"`
}

// Figure is one measured number.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Target *Target `json:"target,omitempty"`
}

// Target is what a figure should be on a machine with two cores that node and
// driver share. Missing one does not fail a run.
type Target struct {
	Bound   float64 `json:"bound"`
	AtLeast bool    `json:"at_least"` // otherwise: at most
	Met     bool    `json:"met"`
}

func (r *Result) figure(name string, value float64, unit string) {
	r.Figures = append(r.Figures, Figure{Name: name, Value: value, Unit: unit})
}

// latencies adds the quantiles of h, in milliseconds.
func (r *Result) latencies(prefix string, h *histogram) {
	for _, q := range []struct {
		name  string
		share float64
	}{{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}} {
		r.figure(prefix+"_"+q.name, milliseconds(h.quantile(q.share)), "ms")
	}
}

// cpu adds what node and driver used for n things that the unit names.
func (r *Result) cpu(spent spent, n uint64, unit string) {
	if n == 0 {
		return
	}
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
	if spent.nodeKnown {
		r.figure("node_cpu", per(spent.node), "µs/"+unit)
		r.figure("node_cores", spent.node.Seconds()/spent.elapsed.Seconds(), "cores")
	}
	r.figure("driver_cpu", per(spent.driver), "µs/"+unit)
	r.figure("driver_cores", spent.driver.Seconds()/spent.elapsed.Seconds(), "cores")
}

// target gives the figure called name a bound.
func (r *Result) target(name string, atLeast bool, bound float64) {
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Name == name {
			f.Target = &Target{Bound: bound, AtLeast: atLeast, Met: f.Value == bound || (f.Value > bound) == atLeast}
		}
	}
}

func (r *Result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// writeJSON writes r as one line.
func (r *Result) writeJSON(w io.Writer) error {
	return json.NewEncoder(w).Encode(r)
}

// writeTable writes r for people.
func (r *Result) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "\n%s on %s\n", r.Scenario, &r.Host)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		fmt.Fprintf(table, "  %s\t%v\n", name, r.Parameters[name])
	}
	fmt.Fprintln(table)
	for _, f := range r.Figures {
		fmt.Fprintf(table, "  %s\t%s %s\t%s\n", f.Name, number(f.Value), f.Unit, f.Target)
	}
	fmt.Fprintln(table)
	if r.Accounting != nil {
		r.Accounting.write(table)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(table, "  error %s\t%d\n", key, r.Errors[key])
	}
	for _, note := range r.Notes {
		fmt.Fprintf(table, "  note: %s\n", note)
	}
	if !r.Exact {
		fmt.Fprintln(table, "  FAILED: the accounting does not come out even, see above")
	}
	return table.Flush()
}

// String says whether the target is met; empty without one.
func (t *Target) String() string {
	if t == nil {
		return ""
	}
	sign, verdict := "≤", "missed"
	if t.AtLeast {
		sign = "≥"
	}
	if t.Met {
		verdict = "met"
	}
	return fmt.Sprintf("target %s %s: %s", sign, number(t.Bound), verdict)
}

// number shows three significant digits, and whole numbers above that.
func number(v float64) string {
	if v >= 100 || v == float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func (a *Accounting) write(w io.Writer) {
	always := true
	for _, row := range []struct {
		name  string
		n     uint64
		shown bool
	}{
		{"sent", a.Sent, always}, {"acked", a.Acked, always}, {"delivered", a.Delivered, always},
		{"stored", a.Stored, a.Verified}, {"refused", a.Refused, a.Refused > 0},
		{"refused, yet stored", a.RefusedStored, a.RefusedStored > 0},
		{"unanswered", a.Unanswered, a.Unanswered > 0},
		{"lost", a.Lost, always}, {"undelivered", a.Undelivered, a.Undelivered > 0},
		{"duplicated", a.Duplicated, always}, {"reordered", a.Reordered, always},
		{"holes in seq", a.Holes, a.Holes > 0}, {"mismatched", a.Mismatched, a.Mismatched > 0},
		{"foreign", a.Foreign, a.Foreign > 0},
	} {
		if row.shown {
			fmt.Fprintf(w, "  %s\t%d\n", row.name, row.n)
		}
	}
}
