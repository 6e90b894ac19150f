package main

import (
	"math/bits"
	"time"
)

// The histogram is log-linear, as HdrHistogram's is: values below 2^subBits are
// exact, above that each power of two is cut into 2^subBits buckets, so that a
// quantile is at most 1/2^subBits (1.6 %) too large.
const (
	subBits    = 6
	subBuckets = 1 << subBits
	maxBits    = 37 // values from 2^37 ns (137 s) on share the last bucket
	buckets    = (maxBits - subBits + 1) << subBits
)

// histogram counts durations. The zero value is ready for use; one goroutine at
// a time may use it.
type histogram struct {
	counts   [buckets]uint64
	count    uint64
	sum      uint64
	min, max uint64
}

// record counts one duration; a negative one counts as zero.
func (h *histogram) record(d time.Duration) {
	v := uint64(max(d, 0))
	h.counts[bucketOf(v)]++
	if h.count == 0 || v < h.min {
		h.min = v
	}
	h.max = max(h.max, v)
	h.count++
	h.sum += v
}

// add counts everything that other has counted.
func (h *histogram) add(other *histogram) {
	if other.count == 0 {
		return
	}
	for i, n := range other.counts {
		h.counts[i] += n
	}
	if h.count == 0 || other.min < h.min {
		h.min = other.min
	}
	h.max = max(h.max, other.max)
	h.count += other.count
	h.sum += other.sum
}

// quantile is the smallest duration, rounded up to the end of its bucket, that
// a share q of all recorded ones does not exceed; 0 when nothing is recorded.
func (h *histogram) quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := max(uint64(q*float64(h.count)+0.5), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank && i < buckets-1 {
			return time.Duration(min(upperEdge(i), h.max))
		}
	}
	return time.Duration(h.max)
}

// mean is exact.
func (h *histogram) mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return time.Duration(h.sum / h.count)
}

func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	if v >= 1<<maxBits {
		return buckets - 1
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// upperEdge is the largest value that bucket i counts.
func upperEdge(i int) uint64 {
	if i < subBuckets {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return uint64(i&(subBuckets-1)+subBuckets+1)<<shift - 1
}
