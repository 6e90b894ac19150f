package main

import "math"

// A stream is the messages of one member to another. Each is the whole content
// of one conversation, so the receiver must see the conversation's seq as 1, 2,
// 3 … and the sender's numbers as 1, 2, 3 …, less those that were refused.
//
// Its three logs are written by different goroutines, without locks: sent by
// the one that writes requests, outcome by the one that reads the sender's
// connection, arrived by the one that reads the receiver's, stored by the
// verifier. settle reads them all when those have ended.
type stream struct {
	from, to int // members

	sent    uint32
	outcome outcomes
	arrived arrivals
	stored  arrivals
}

// maxNumber bounds the messages of one stream, so that a wrong number from the
// node cannot make a log grow without bound.
const maxNumber = 1 << 27

// outcomes is what became of each request of a stream: by number, the seq of an
// accepted message, refusedSeq, or 0 while there is no answer.
type outcomes struct {
	seqs     []uint32
	repeated uint64 // second answers to one request
	wrong    uint64 // answers to what was never asked
}

// refusedSeq stands for "refused with a code". No conversation gets that far.
const refusedSeq = math.MaxUint32

// set notes an answer. It is false when the answer is not the first.
func (o *outcomes) set(number uint32, seq uint64) bool {
	if number == 0 || number > maxNumber || seq == 0 || seq > refusedSeq {
		o.wrong++
		return false
	}
	o.seqs = lengthen(o.seqs, number)
	if o.seqs[number-1] != 0 {
		o.repeated++
		return false
	}
	o.seqs[number-1] = uint32(seq)
	return true
}

func (o *outcomes) get(number uint32) uint32 { return at(o.seqs, number) }

// arrivals is the messages of a stream in the order in which a reader met them.
type arrivals struct {
	seqs       []uint32 // by number; 0: has not arrived
	count      uint64   // different messages
	lastNumber uint32
	lastSeq    uint32

	duplicated uint64 // came again
	reordered  uint64 // came after a later one, by seq or by the sender's number
	wrong      uint64 // seq or number out of range
}

// add notes an arrival. It is false when the message is not a new one.
func (a *arrivals) add(number uint32, seq uint64) bool {
	if number == 0 || number > maxNumber || seq == 0 || seq >= refusedSeq {
		a.wrong++
		return false
	}
	a.seqs = lengthen(a.seqs, number)
	if a.seqs[number-1] != 0 {
		a.duplicated++
		return false
	}
	a.seqs[number-1] = uint32(seq)
	a.count++
	if number < a.lastNumber || uint32(seq) < a.lastSeq {
		a.reordered++
	}
	a.lastNumber = max(a.lastNumber, number)
	a.lastSeq = max(a.lastSeq, uint32(seq))
	return true
}

func (a *arrivals) get(number uint32) uint32 { return at(a.seqs, number) }

// holes is how many seqs below the highest have not arrived.
func (a *arrivals) holes() uint64 {
	return uint64(a.lastSeq) - min(a.count, uint64(a.lastSeq))
}

func at(seqs []uint32, number uint32) uint32 {
	if number == 0 || int(number) > len(seqs) {
		return 0
	}
	return seqs[number-1]
}

func lengthen(seqs []uint32, number uint32) []uint32 {
	for len(seqs) < int(number) {
		seqs = append(seqs, 0)
	}
	return seqs
}

// Accounting says what became of every message of a run. Apart from Sent,
// Acked, Delivered, Stored, Refused and the two that follow it, every count
// must be zero.
type Accounting struct {
	Sent      uint64 `json:"sent"`
	Acked     uint64 `json:"acked"`     // answered with 200: durable
	Delivered uint64 `json:"delivered"` // different messages pushed to their receiver
	Stored    uint64 `json:"stored"`    // different messages in the conversations' logs; 0 when not verified

	Refused       uint64 `json:"refused"`        // answered with another code
	RefusedStored uint64 `json:"refused_stored"` // refused, yet stored: allowed when the code leaves it open (503)

	Unanswered  uint64 `json:"unanswered"`  // no answer before the deadline
	Lost        uint64 `json:"lost"`        // acknowledged, but not in the log
	Undelivered uint64 `json:"undelivered"` // acknowledged, but never pushed to the receiver, who was online
	Duplicated  uint64 `json:"duplicated"`  // answered, pushed or stored more than once
	Reordered   uint64 `json:"reordered"`   // pushed or stored after a later message of the same conversation
	Holes       uint64 `json:"holes"`       // seqs missing from a conversation's log or, at its receiver, never seen
	Mismatched  uint64 `json:"mismatched"`  // the answer, the push and the log do not name the same seq
	Foreign     uint64 `json:"foreign"`     // something that nobody sent

	Verified bool `json:"verified"` // whether the logs were read back
}

// exact reports whether nothing was lost, doubled, out of order or invented.
func (a *Accounting) exact() bool {
	return a.Unanswered+a.Lost+a.Undelivered+a.Duplicated+a.Reordered+a.Holes+a.Mismatched+a.Foreign == 0
}

// settle adds up one stream, with its log as it is stored when verified is set.
func (a *Accounting) settle(s *stream, verified bool) {
	a.Sent += uint64(s.sent)
	a.Delivered += s.arrived.count
	a.Stored += s.stored.count
	a.Duplicated += s.outcome.repeated + s.arrived.duplicated + s.stored.duplicated
	a.Reordered += s.arrived.reordered + s.stored.reordered
	a.Holes += s.arrived.holes() + s.stored.holes()
	a.Foreign += s.outcome.wrong + s.arrived.wrong + s.stored.wrong
	for n := uint32(1); n <= s.sent; n++ {
		a.settleMessage(s.outcome.get(n), s.arrived.get(n), s.stored.get(n), verified)
	}
	last := max(len(s.outcome.seqs), len(s.arrived.seqs), len(s.stored.seqs))
	for n := s.sent + 1; int(n) <= last; n++ {
		if s.outcome.get(n)|s.arrived.get(n)|s.stored.get(n) != 0 {
			a.Foreign++
		}
	}
}

// settleMessage adds up one message, of which the answer, the push and the log
// name these seqs; 0 is none.
func (a *Accounting) settleMessage(outcome, arrived, stored uint32, verified bool) {
	switch outcome {
	case 0:
		a.Unanswered++
	case refusedSeq:
		a.Refused++
		if arrived != 0 || stored != 0 {
			a.RefusedStored++
		}
	default:
		a.Acked++
		if arrived == 0 {
			a.Undelivered++
		} else if arrived != outcome {
			a.Mismatched++
		}
		if verified && stored == 0 {
			a.Lost++
		} else if verified && stored != outcome {
			a.Mismatched++
		}
	}
}
