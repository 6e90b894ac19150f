package main

import (
	"fmt"
	"time"
)

// stamp is what a message carries, in its client id, for the receiver to
// account for it.
type stamp struct {
	run    uint32        // of this process: tells its messages from any others'
	stream uint32        // index of the stream: who sent it to whom
	number uint32        // within the stream, from 1
	sent   time.Duration // when it was to be sent, since the run's epoch
}

// A stamp is written as hexadecimal digits of fixed width, so that a prepared
// request can be patched in place. 32 digits are as long as the UUIDs that apps
// use for client ids. The time wraps after 2^48 ns, 78 hours.
const (
	runDigits    = 6
	streamDigits = 6
	numberDigits = 8
	timeDigits   = 12
	stampLength  = runDigits + streamDigits + numberDigits + timeDigits

	maxStreams = 1<<(4*streamDigits) - 1
)

// put writes s into the first stampLength bytes of b.
func (s *stamp) put(b []byte) {
	_ = b[stampLength-1]
	putHex(b[:runDigits], uint64(s.run))
	b = b[runDigits:]
	putHex(b[:streamDigits], uint64(s.stream))
	b = b[streamDigits:]
	putHex(b[:numberDigits], uint64(s.number))
	b = b[numberDigits:]
	putHex(b[:timeDigits], uint64(s.sent))
}

// String is the stamp as a client id.
func (s *stamp) String() string {
	var b [stampLength]byte
	s.put(b[:])
	return string(b[:])
}

// parseStamp reads a client id; anything but a stamp is an error.
func parseStamp(b []byte) (s stamp, err error) {
	if len(b) != stampLength {
		return s, fmt.Errorf("client id %.64q is not one of this driver's", b)
	}
	var fields [4]uint64
	rest := b
	for i, digits := range [4]int{runDigits, streamDigits, numberDigits, timeDigits} {
		v, ok := parseHex(rest[:digits])
		if !ok {
			return s, fmt.Errorf("client id %.64q is not one of this driver's", b)
		}
		fields[i], rest = v, rest[digits:]
	}
	return stamp{
		run:    uint32(fields[0]),
		stream: uint32(fields[1]),
		number: uint32(fields[2]),
		sent:   time.Duration(fields[3]),
	}, nil
}

const hexDigits = "0123456789abcdef"

func putHex(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = hexDigits[v&0xf]
		v >>= 4
	}
}

func parseHex(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}
