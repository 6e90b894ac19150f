package raftstore

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
)

func ignore(any, error) {}

func TestQueuePacksCommandsInOrder(t *testing.T) {
	q := newQueue(64, 1<<20)
	var want [][]byte
	for i := range 50 {
		c := bytes.Repeat([]byte{byte(i)}, i%20)
		want = append(want, c)
		if err := q.add(c, CompletionFunc(ignore)); err != nil {
			t.Fatal(err)
		}
	}
	q.close()
	var got [][]byte
	for e := q.take(); e != nil; e = q.take() {
		if len(e.buf) > 64 {
			t.Errorf("an entry of %d bytes", len(e.buf))
		}
		sealCommands(e.buf, len(e.comps))
		_, body, err := openEntry(e.buf)
		if err != nil {
			t.Fatal(err)
		}
		cmds, err := decodeCommands(nil, bytes.Clone(body))
		if err != nil || len(cmds) != len(e.comps) {
			t.Fatalf("%d commands, %d completions, %v", len(cmds), len(e.comps), err)
		}
		got = append(got, cmds...)
		q.recycle(e)
	}
	if len(got) != len(want) {
		t.Fatalf("%d of %d commands", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("command %d is %v", i, got[i])
		}
	}
	if q.size() != 0 {
		t.Errorf("%d bytes in an empty queue", q.size())
	}
}

func TestQueueRefusesWhatDoesNotFit(t *testing.T) {
	q := newQueue(minEntryBytes, 2*minEntryBytes)
	if err := q.add(make([]byte, minEntryBytes), CompletionFunc(ignore)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	largest := minEntryBytes - commandsHeader - maxLenBytes
	if err := q.add(make([]byte, largest), CompletionFunc(ignore)); err != nil {
		t.Errorf("the largest command: %v", err)
	}
	n := 0
	for ; n < 1000; n++ {
		if err := q.add(make([]byte, 100), CompletionFunc(ignore)); err != nil {
			if !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
			break
		}
	}
	if n == 0 || n == 1000 || q.size() > 2*minEntryBytes {
		t.Errorf("busy after %d commands, %d bytes", n, q.size())
	}
	q.recycle(q.take())
	if err := q.add(make([]byte, 100), CompletionFunc(ignore)); err != nil {
		t.Errorf("after an entry was taken: %v", err)
	}
	q.close()
	if err := q.add(nil, CompletionFunc(ignore)); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestTakeWaitsForACommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(minEntryBytes, 1<<20)
		taken := make(chan *entry)
		go func() {
			for {
				e := q.take()
				taken <- e
				if e == nil {
					return
				}
			}
		}()
		synctest.Wait()
		select {
		case <-taken:
			t.Fatal("took from an empty queue")
		default:
		}
		if err := q.add([]byte("x"), CompletionFunc(ignore)); err != nil {
			t.Fatal(err)
		}
		if e := <-taken; e == nil || len(e.comps) != 1 {
			t.Fatalf("took %v", e)
		}
		q.close()
		if e := <-taken; e != nil {
			t.Fatal("took from a closed queue")
		}
	})
}
