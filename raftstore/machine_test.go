package raftstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// ledger is the Machine of these tests. A command is a client, its number, and
// some payload; the ledger gives each a position, counting from 1, and notes how
// often it came. "fail" makes Apply return an error.
//
//	0x10                       last position
//	0x20 | client | number     position of the first, how often it came
//	0x30 | position            client, number
type ledger struct {
	last   uint64 // mirrors 0x10, so that a wrong Reset shows
	resets int
	gate   chan struct{} // when set, Apply takes a token for each batch
}

var errLedger = errors.New("ledger told to fail")

// entered is the result of a command.
type entered struct {
	Client, Number, Position uint64
}

func ledgerCommand(client, number uint64, payload int) []byte {
	b := binary.BigEndian.AppendUint64(nil, client)
	b = binary.BigEndian.AppendUint64(b, number)
	return append(b, make([]byte, payload)...)
}

func ledgerKey(kind byte, ns ...uint64) []byte {
	k := []byte{kind}
	for _, n := range ns {
		k = binary.BigEndian.AppendUint64(k, n)
	}
	return k
}

func (l *ledger) Apply(tx *Tx, cmds [][]byte, results []any) error {
	if l.gate != nil {
		<-l.gate
	}
	for i, c := range cmds {
		if bytes.Equal(c, []byte("fail")) {
			return errLedger
		}
		if len(c) < 16 {
			results[i] = errors.New("short command")
			continue
		}
		client, number := binary.BigEndian.Uint64(c), binary.BigEndian.Uint64(c[8:])
		r, err := l.enter(tx, client, number)
		if err != nil {
			return err
		}
		results[i] = r
	}
	return tx.Set(ledgerKey(0x10), binary.BigEndian.AppendUint64(nil, l.last))
}

func (l *ledger) enter(tx *Tx, client, number uint64) (entered, error) {
	k := ledgerKey(0x20, client, number)
	v, ok, err := tx.Get(k)
	if err != nil {
		return entered{}, err
	}
	pos, times := l.last+1, uint64(1)
	if ok {
		pos, times = binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])+1
	} else {
		l.last++
		if err := tx.SetParts(ledgerKey(0x30, pos), c8(client), c8(number)); err != nil {
			return entered{}, err
		}
	}
	return entered{client, number, pos}, tx.SetParts(k, c8(pos), c8(times))
}

func c8(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func (l *ledger) Reset(v *View) error {
	l.resets++
	b, ok, err := v.Get(ledgerKey(0x10))
	if err != nil {
		return err
	}
	l.last = 0
	if ok {
		l.last = binary.BigEndian.Uint64(b)
	}
	return nil
}

// book is the whole content of a ledger.
type book struct {
	Last    uint64
	At      map[uint64][2]uint64 // position: client, number
	Entered map[[2]uint64]uint64 // client, number: position
}

// readBook reads and checks a ledger: positions without a gap, nothing doubled,
// and each client's numbers in order.
func readBook(v *View) (*book, error) {
	b := &book{At: map[uint64][2]uint64{}, Entered: map[[2]uint64]uint64{}}
	if last, ok, err := v.Get(ledgerKey(0x10)); err != nil {
		return nil, err
	} else if ok {
		b.Last = binary.BigEndian.Uint64(last)
	}
	it, err := v.Iter(ledgerKey(0x20), ledgerKey(0x40))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var client, pos uint64 // of the entry before
	for ok := it.First(); ok; ok = it.Next() {
		k, val := it.Key(), it.Value()
		if k[0] == 0x30 {
			b.At[binary.BigEndian.Uint64(k[1:])] = [2]uint64{binary.BigEndian.Uint64(val), binary.BigEndian.Uint64(val[8:])}
			continue
		}
		id := [2]uint64{binary.BigEndian.Uint64(k[1:]), binary.BigEndian.Uint64(k[9:])}
		p, times := binary.BigEndian.Uint64(val), binary.BigEndian.Uint64(val[8:])
		if times != 1 {
			return nil, fmt.Errorf("command %v was applied %d times", id, times)
		}
		if id[0] == client && p < pos {
			return nil, fmt.Errorf("command %v is at %d, before its predecessor at %d", id, p, pos)
		}
		client, pos = id[0], p
		b.Entered[id] = p
	}
	if uint64(len(b.At)) != b.Last || uint64(len(b.Entered)) != b.Last {
		return nil, fmt.Errorf("last position %d, but %d positions and %d commands", b.Last, len(b.At), len(b.Entered))
	}
	for id, p := range b.Entered {
		if b.At[p] != id {
			return nil, fmt.Errorf("command %v is at %d, where %v is", id, p, b.At[p])
		}
	}
	return b, it.Error()
}

func mustBook(t testing.TB, s *Store) *book {
	t.Helper()
	v := s.View()
	defer v.Close()
	b, err := readBook(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testLogger shows a store's messages with the test that failed.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// testOptions are those of a small node that starts a cluster of its own.
func testOptions(t testing.TB, dir string) Options {
	return Options{
		Dir: dir, NodeID: "n1", Machine: &ledger{}, Bootstrap: true,
		Logger: testLogger(t), BallastBytes: -1, MinFreeBytes: 1,
		CacheBytes: 1 << 20, MemTableBytes: 1 << 20,
	}
}

// timeout is for everything in these tests that must happen; on a busy machine
// it may take long.
const timeout = 60 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// openTest opens a store that is closed with the test.
func openTest(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(testContext(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// openLeader opens a store and waits until it leads.
func openLeader(t testing.TB, o Options) *Store {
	t.Helper()
	s := openTest(t, o)
	if err := s.WaitLeader(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

func closeTest(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// propose enters numbers from to to of one client.
func propose(t testing.TB, s *Store, client, from, to uint64, payload int) {
	t.Helper()
	ctx := testContext(t)
	for n := from; n <= to; n++ {
		r, err := s.Propose(ctx, ledgerCommand(client, n, payload))
		if err != nil {
			t.Fatalf("command %d: %v", n, err)
		}
		if e, ok := r.(entered); !ok || e.Number != n || e.Client != client {
			t.Fatalf("command %d: result %v", n, r)
		}
	}
}

// until polls a condition of real processes or sockets.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", timeout, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
