package websocket_test

import (
	"fmt"
	"slices"
	"testing"
	"unicode/utf8"
)

// Class 6: sequences at the edges of UTF-8, with whether they are it. In doubt
// the standard library decides; this table makes sure of the well-known ones.
var sequences = []struct {
	s     string
	valid bool
}{
	{"", true}, {"hello", true}, {"κόσμε", true}, {"你好，驿站", true}, {"😀", true}, {"Hello-µ@ßöäüàá-UTF-8!!", true},
	// First and last of each length.
	{"\x00", true}, {"\x7f", true}, {"\u0080", true}, {"\u07ff", true}, {"\u0800", true}, {"\uffff", true}, {"\U00010000", true}, {"\U0010ffff", true},
	// Around the surrogates, and noncharacters, which are allowed.
	{"\xed\x9f\xbf", true}, {"\xee\x80\x80", true}, {"\xef\xbf\xbd", true}, {"\xef\xbf\xbe", true}, {"\xf0\x9f\xbf\xbe", true}, {"\xf4\x8f\xbf\xbf", true},
	// Beyond the last code point, and lengths of 5 and 6.
	{"\xf4\x90\x80\x80", false}, {"\xf7\xbf\xbf\xbf", false}, {"\xf8\x88\x80\x80\x80", false}, {"\xfb\xbf\xbf\xbf\xbf", false}, {"\xfc\x84\x80\x80\x80\x80", false}, {"\xfd\xbf\xbf\xbf\xbf\xbf", false},
	// Continuation bytes alone.
	{"\x80", false}, {"\xbf", false}, {"\x80\xbf\x80\xbf", false}, {"a\x80", false}, {"\xce\xba\x80", false},
	// First bytes alone, cut sequences, sequences that go wrong later.
	{"\xc2 ", false}, {"\xc2", false}, {"\xdf", false}, {"\xe0\xa0", false}, {"\xef\xbf", false}, {"\xf0\x90\x80", false}, {"\xf4\x8f\xbf", false},
	{"\xe1\x80\x41", false}, {"\xf1\x80\x80\x41", false}, {"\xf1\x80\x41", false}, {"\xc2\xc2\x80", false}, {"\xe0\xa0\xe0\xa0\x80", false},
	// Impossible bytes.
	{"\xfe", false}, {"\xff", false}, {"\xfe\xfe\xff\xff", false}, {"\xc0", false}, {"\xc1", false}, {"\xf5", false},
	// Longer than necessary.
	{"\xc0\x80", false}, {"\xc0\xaf", false}, {"\xc1\xbf", false}, {"\xe0\x80\xaf", false}, {"\xe0\x9f\xbf", false}, {"\xf0\x80\x80\xaf", false}, {"\xf0\x8f\xbf\xbf", false}, {"\xf8\x80\x80\x80\xaf", false},
	// Surrogates, alone and in pairs.
	{"\xed\xa0\x80", false}, {"\xed\xad\xbf", false}, {"\xed\xae\x80", false}, {"\xed\xaf\xbf", false}, {"\xed\xb0\x80", false}, {"\xed\xbf\xbf", false}, {"\xed\xa0\x80\xed\xb0\x80", false},
	{"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64", false},
}

func TestTextIsUTF8WhereverItIsCut(t *testing.T) {
	for _, c := range sequences {
		if utf8.ValidString(c.s) != c.valid {
			t.Fatalf("%q: the table is wrong", c.s)
		}
		for _, around := range []string{"", "x", "long enough to be looked at eight bytes at a time ", "é"} {
			s := around + c.s
			inputs := [][]byte{
				frame(fin|text, s+around),
				join(frame(text, s), frame(fin|continuation, around)),
				join(frame(text, s), frame(fin|ping, ""), frame(continuation, ""), frame(fin|continuation, around)),
			}
			for cut := range len(s) + 1 { // fragments that end in the middle of runes
				inputs = append(inputs, join(frame(text, s[:cut]), frame(continuation, ""), frame(fin|continuation, s[cut:]+around)))
			}
			for i, input := range inputs {
				for _, size := range chops {
					events, err := feed(size, maxMessage, false, input)
					if i == 2 && len(events) > 0 && events[0] == "ping " {
						events = events[1:]
					}
					if c.valid && (err != nil || !slices.Equal(events, []string{"text " + s + around})) {
						t.Errorf("%q, input %d in pieces of %d: %q, %v", s, i, size, events, err)
					}
					if !c.valid && (status(err) != invalidPayload || len(events) != 0) {
						t.Errorf("%q, input %d in pieces of %d: %q, %v; want 1007", s, i, size, events, err)
					}
				}
			}
		}
	}
}

// Fail fast: the byte that makes a text invalid is the last one that is read.
func TestInvalidTextFailsAtTheByteThatMakesItSo(t *testing.T) {
	for _, c := range []struct {
		s  string
		at int // bytes of s that are acceptable
	}{
		{"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited", 12},
		{"abc\xed\xa0\x80", 4}, {"abc\xc0\x80", 3}, {"\xe0\x9f\xbf", 1}, {"\xf0\x8f\xbf\xbf", 1}, {"\xe1\x80\x41", 2}, {"\xf1\x80\x80\x41", 3}, {"\xf8\x88", 0}, {"a\x80", 1},
	} {
		for name, prefix := range map[string][]byte{
			"in one frame":        sealed([]byte{fin | text, 0x80 | 120}, c.s),
			"in a first fragment": sealed([]byte{text, 0x80 | 120}, c.s),
			"in a last fragment":  join(frame(text, "é"), sealed([]byte{fin | continuation, 0x80 | 120}, c.s)),
		} {
			good := prefix[:len(prefix)-len(c.s)+c.at]
			if _, err := feed(1, maxMessage, false, good); err != nil {
				t.Errorf("%q %s: failed early: %v", c.s, name, err)
			}
			for _, size := range []int{0, 1} {
				if _, err := feed(size, maxMessage, false, prefix[:len(good)+1]); status(err) != invalidPayload {
					t.Errorf("%q %s, in pieces of %d: %v at byte %d; want 1007", c.s, name, size, err, c.at)
				}
			}
		}
	}
	// And a first fragment is looked at before the second comes.
	if _, err := feed(0, maxMessage, false, frame(text, "\xed\xa0")); status(err) != invalidPayload {
		t.Errorf("a bad first fragment: %v", err)
	}
}

func TestBinaryNeedNotBeUTF8(t *testing.T) {
	for _, c := range sequences {
		exchange{
			name:   fmt.Sprintf("%q", c.s),
			input:  join(frame(binaryOp, c.s), frame(fin|continuation, c.s), frame(fin|binaryOp, c.s)),
			events: []string{"binary " + c.s + c.s, "binary " + c.s},
		}.check(t, maxMessage, false)
	}
}
