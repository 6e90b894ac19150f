package raftstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// mailbox is a Machine with about the work of a message store: per command one
// row read, and three keys written, one of them the 200-byte payload.
type mailbox struct{}

const benchPayload = 200

func (mailbox) Reset(*View) error { return nil }

func (mailbox) Apply(tx *Tx, cmds [][]byte, results []any) error {
	var key [17]byte
	for i, c := range cmds {
		conversation := c[:8]
		row := append(append(key[:0], 0x10), conversation...)
		v, ok, err := tx.Get(row)
		if err != nil {
			return err
		}
		seq := uint64(1)
		if ok {
			seq = binary.BigEndian.Uint64(v) + 1
		}
		if err := tx.Set(row, c8(seq)); err != nil {
			return err
		}
		message := binary.BigEndian.AppendUint64(append(append(key[:0], 0x20), conversation...), seq)
		if err := tx.Set(message, c); err != nil {
			return err
		}
		message[0] = 0x30
		if err := tx.Set(message, c[:8]); err != nil {
			return err
		}
		results[i] = seq
	}
	return nil
}

func benchStore(b *testing.B) *Store {
	o := Options{Dir: b.TempDir(), NodeID: "n1", Machine: mailbox{}, Bootstrap: true, BallastBytes: -1}
	return openLeader(b, o)
}

// BenchmarkSubmit is the throughput of one node with so many commands
// outstanding, fsync included.
func BenchmarkSubmit(b *testing.B) {
	for _, outstanding := range []int{64, 512, 4096} {
		b.Run(fmt.Sprintf("outstanding=%d", outstanding), func(b *testing.B) {
			s := benchStore(b)
			window := make(chan struct{}, outstanding)
			var failed error
			var once sync.Once
			done := CompletionFunc(func(_ any, err error) {
				if err != nil {
					once.Do(func() { failed = err })
				}
				<-window
			})
			cmd := make([]byte, benchPayload)
			b.ReportAllocs()
			b.ResetTimer()
			cpu := cpuTime(b)
			for i := range b.N {
				window <- struct{}{}
				binary.BigEndian.PutUint64(cmd, uint64(i*7919%10000)) // of 10,000 conversations
				for {
					err := s.Submit(cmd, done)
					if err == nil {
						break
					}
					if !errors.Is(err, ErrBusy) {
						b.Fatal(err)
					}
				}
			}
			for range outstanding {
				window <- struct{}{}
			}
			b.StopTimer()
			if failed != nil {
				b.Fatal(failed)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			// Unlike the rate this hardly depends on what else the machine does.
			b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1000/float64(b.N), "cpu-µs/msg")
		})
	}
}

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPropose is the latency of one command at a time on one node, fsync
// included.
func BenchmarkPropose(b *testing.B) {
	s := benchStore(b)
	ctx := testContext(b)
	cmd := make([]byte, benchPayload)
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		if _, err := s.Propose(ctx, cmd); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))].Microseconds()) }
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
}

// BenchmarkTx compares a Tx with Pebble's indexed batch, for the mailbox's work
// in batches of 256 commands. Nothing is committed: that costs both the same,
// and would make the database grow with the number of rounds.
func BenchmarkTx(b *testing.B) {
	const batch = 256
	cmds := make([][]byte, batch)
	for i := range cmds {
		cmds[i] = make([]byte, benchPayload)
		binary.BigEndian.PutUint64(cmds[i], uint64(i*7919%100))
	}
	results := make([]any, batch)
	db := memDB(b)
	tx := Tx{keys: newKeyIndex()}
	tx.begin(db, 1)
	if err := errors.Join((mailbox{}).Apply(&tx, cmds, results), tx.commit()); err != nil {
		b.Fatal(err)
	}
	perCommand := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/cmd")
	}
	b.Run("tx", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tx.begin(db, 2)
			if err := (mailbox{}).Apply(&tx, cmds, results); err != nil {
				b.Fatal(err)
			}
			tx.abort()
		}
		perCommand(b)
	})
	b.Run("indexed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := indexedMailbox(db, cmds, results); err != nil {
				b.Fatal(err)
			}
		}
		perCommand(b)
	})
}

// indexedMailbox does the mailbox's work on an indexed batch.
func indexedMailbox(db *pebble.DB, cmds [][]byte, results []any) error {
	var key [17]byte
	batch := db.NewIndexedBatch()
	for i, c := range cmds {
		conversation := c[:8]
		row := append(append(key[:0], 0x10), conversation...)
		seq := uint64(1)
		v, closer, err := batch.Get(row)
		switch {
		case err == nil:
			seq = binary.BigEndian.Uint64(v) + 1
			if err := closer.Close(); err != nil {
				return err
			}
		case !errors.Is(err, pebble.ErrNotFound):
			return err
		}
		if err := batch.Set(row, c8(seq), nil); err != nil {
			return err
		}
		message := binary.BigEndian.AppendUint64(append(append(key[:0], 0x20), conversation...), seq)
		if err := batch.Set(message, c, nil); err != nil {
			return err
		}
		message[0] = 0x30
		if err := batch.Set(message, c[:8], nil); err != nil {
			return err
		}
		results[i] = seq
	}
	return batch.Close()
}
