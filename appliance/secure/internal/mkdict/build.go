package main

import "slices"

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
	var pieces [][]byte
	for total := 0; total < size; {
		piece := c.takeBest()
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
	worth []int // for each gram, in how many samples it occurs, 0 once covered

	inWindow []int // for each gram, how often it occurs in the window; see takeBest
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
	c.inWindow = make([]int, len(c.worth))
	return c
}

// takeBest returns the segment that is worth most, without the ends that are
// worth nothing, and counts its grams as covered. It is nil when no segment is
// worth anything.
func (c *corpus) takeBest() []byte {
	const window = segment - gram + 1 // grams in a segment
	best, bestWorth, worth := 0, 0, 0
	for i, number := range c.gram {
		if c.inWindow[number]++; c.inWindow[number] == 1 {
			worth += c.worth[number]
		}
		if i >= window {
			worth -= c.leave(c.gram[i-window])
		}
		if worth > bestWorth {
			best, bestWorth = i, worth
		}
	}
	for i := max(0, len(c.gram)-window); i < len(c.gram); i++ {
		c.leave(c.gram[i])
	}
	if bestWorth == 0 {
		return nil
	}
	first, last := max(0, best-window+1), best
	for c.worth[c.gram[first]] == 0 {
		first++
	}
	for c.worth[c.gram[last]] == 0 {
		last--
	}
	for i := first; i <= last; i++ {
		c.worth[c.gram[i]] = 0
	}
	return c.text[first : last+gram]
}

// leave takes one occurrence of a gram out of the window and returns what the
// window lost by it.
func (c *corpus) leave(number int) int {
	if c.inWindow[number]--; c.inWindow[number] == 0 {
		return c.worth[number]
	}
	return 0
}
