package main

import (
	"cmp"
	"container/heap"
	"slices"
)

const (
	// gram is the length of the strings that are counted: about the shortest
	// match that is worth its three bytes.
	gram = 6
	// segment is the length of the pieces that the dictionary is put together
	// from: longer ones keep whole phrases, shorter ones waste less.
	segment = 56
)

// build chooses the pieces of the samples that share most with other samples
// (the COVER algorithm of zstd's dictionary builder, without its epochs): again
// and again the segment whose grams, not yet covered, occur in the most samples.
// The best pieces come last, where offsets are short.
func build(samples [][]byte, size int) []byte {
	c := newCorpus(samples)
	windows := c.windows()
	var pieces [][]byte
	for total := 0; total < size; {
		piece := c.takeBest(&windows)
		if piece == nil {
			break // nothing left that two samples share
		}
		pieces = append(pieces, piece)
		total += len(piece)
	}
	slices.Reverse(pieces)
	dictionary := slices.Concat(pieces...)
	return dictionary[max(0, len(dictionary)-size):]
}

// corpus is the samples, end to end, with what is known of each gram.
type corpus struct {
	text  []byte
	gram  []int // for each position, the number of the gram that starts there
	worth []int // for each gram, in how many samples it occurs; 0 if in one, or covered

	count    int   // how often value has been called
	lastSeen []int // for each gram, the count of the last call that met it
}

func newCorpus(samples [][]byte) *corpus {
	c := &corpus{text: slices.Concat(samples...)}
	numbers := make(map[string]int)
	var lastSample []int // for each gram, the last sample it was counted for
	c.gram = make([]int, max(0, len(c.text)-gram+1))
	sample, end := -1, 0
	for i := range c.gram {
		for i >= end {
			sample++
			end += len(samples[sample])
		}
		key := string(c.text[i : i+gram])
		number, known := numbers[key]
		if !known {
			number = len(numbers)
			numbers[key] = number
			c.worth = append(c.worth, 0)
			lastSample = append(lastSample, -1)
		}
		c.gram[i] = number
		if lastSample[number] != sample {
			lastSample[number] = sample
			c.worth[number]++
		}
	}
	for number, samples := range c.worth {
		if samples < 2 {
			c.worth[number] = 0
		}
	}
	c.lastSeen = make([]int, len(c.worth))
	return c
}

// windows is every segment that is worth something, as a heap.
func (c *corpus) windows() windowHeap {
	var all windowHeap
	for start := range c.gram {
		if worth := c.value(start); worth > 0 {
			all = append(all, window{start, worth})
		}
	}
	heap.Init(&all)
	return all
}

// span is the grams of the segment that begins at start.
func (c *corpus) span(start int) []int {
	return c.gram[start:min(len(c.gram), start+segment-gram+1)]
}

// value is what the grams of a segment are worth now, each counted once.
func (c *corpus) value(start int) (worth int) {
	c.count++
	for _, number := range c.span(start) {
		if c.lastSeen[number] != c.count {
			c.lastSeen[number] = c.count
			worth += c.worth[number]
		}
	}
	return worth
}

// takeBest returns the segment that is worth most, without the ends that are
// worth nothing, and counts its grams as covered. It is nil when no segment is
// worth anything.
func (c *corpus) takeBest(windows *windowHeap) []byte {
	for windows.Len() > 0 {
		best := &(*windows)[0]
		// What was covered since makes a segment worth less, never more: when the
		// first is still worth what it was, no other can be worth more.
		if now := c.value(best.start); now != best.worth {
			best.worth = now
			heap.Fix(windows, 0)
			continue
		}
		if best.worth == 0 {
			return nil
		}
		return c.cover(best.start)
	}
	return nil
}

func (c *corpus) cover(start int) []byte {
	span := c.span(start)
	valuable := func(number int) bool { return c.worth[number] > 0 }
	first := slices.IndexFunc(span, valuable)
	last := first
	for i, number := range span {
		if valuable(number) {
			last = i
		}
	}
	for _, number := range span {
		c.worth[number] = 0
	}
	return c.text[start+first : start+last+gram]
}

// window is a segment and what it was worth when that was last looked at.
type window struct{ start, worth int }

// windowHeap has the window that is worth most first, and of equals the earliest.
type windowHeap []window

func (h windowHeap) Len() int      { return len(h) }
func (h windowHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h windowHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].worth, h[i].worth), cmp.Compare(h[i].start, h[j].start)) < 0
}
func (h *windowHeap) Push(w any) { *h = append(*h, w.(window)) }
func (h *windowHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
