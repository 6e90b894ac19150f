package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantilesAreWithinOneBucketOfTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	values := make([]time.Duration, 100_000)
	for i := range values {
		values[i] = time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
		h.record(values[i])
	}
	slices.Sort(values)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		truth := values[max(int(q*float64(len(values))+0.5), 1)-1]
		got := h.quantile(q)
		if got < truth || float64(got) > float64(truth)*(1+1.0/subBuckets)+1 {
			t.Errorf("quantile %v: got %v, want %v or up to 1/%d more", q, got, truth, subBuckets)
		}
	}
	if got, want := h.quantile(1), values[len(values)-1]; got != want {
		t.Errorf("largest: got %v, want exactly %v", got, want)
	}
}

func TestHistogramBucketsCoverTheRangeWithoutGaps(t *testing.T) {
	previous := -1
	for i := range buckets {
		edge := upperEdge(i)
		if got := bucketOf(edge); got != i {
			t.Fatalf("bucketOf(%d) = %d, want %d, whose last value it is", edge, got, i)
		}
		if i < buckets-1 {
			if got := bucketOf(edge + 1); got != i+1 {
				t.Fatalf("bucketOf(%d) = %d, want %d", edge+1, got, i+1)
			}
		}
		if int(edge) <= previous {
			t.Fatalf("bucket %d ends at %d, before its predecessor", i, edge)
		}
		previous = int(edge)
	}
}

func TestHistogramAddIsAsIfRecordedTogether(t *testing.T) {
	var a, b, both, sum histogram
	for i := range 1000 {
		d := time.Duration(i*i) * time.Microsecond
		both.record(d)
		if i%3 == 0 {
			a.record(d)
		} else {
			b.record(d)
		}
	}
	sum.add(&a)
	sum.add(&histogram{})
	sum.add(&b)
	if sum != both {
		t.Error("the sum of two histograms differs from one histogram of both")
	}
}

func TestHistogramTakesAnyDuration(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 || h.mean() != 0 {
		t.Error("an empty histogram must answer 0")
	}
	h.record(-time.Second)
	h.record(time.Hour)
	if h.min != 0 || h.quantile(1) != time.Hour || h.count != 2 {
		t.Errorf("got min %d, max %v, count %d; want 0, 1h, 2", h.min, h.quantile(1), h.count)
	}
}

func BenchmarkHistogramRecord(b *testing.B) {
	b.ReportAllocs()
	var h histogram
	for i := range b.N {
		h.record(time.Duration(i) * 997)
	}
}
