package raftstore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if c := os.Getenv(nodeEnv); c != "" {
		os.Exit(runNode(c))
	}
	os.Exit(m.Run())
}

// nodeConfig says how a child runs.
type nodeConfig struct {
	Dir, ID, Bind string
	Bootstrap     bool
}

// The parent speaks lines to a child and gets lines back:
//
//	load FIRST     submit as clients FIRST and following, each counting from 1,
//	               until killed or told to stop; "ack CLIENT NUMBER POSITION"
//	               comes for each acknowledged one, "not CLIENT NUMBER" for one
//	               that is certain not to be committed
//	stop           stop the load; "stopped" when nothing is outstanding
//	leader         "leader yes" or "leader no"
//	join ID ADDR   "ok" or "error …"
//	book           the whole ledger: "book JSON"
//	applied N      waits until entry N is applied: "ok"
//	status         "applied N"

// runNode is a child's main function.
func runNode(config string) int {
	var c nodeConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	o := Options{
		Dir: c.Dir, NodeID: c.ID, Bind: c.Bind, Bootstrap: c.Bootstrap, Machine: &ledger{},
		ElectionTimeout: 250 * time.Millisecond,
		BallastBytes:    -1, MinFreeBytes: 1, CacheBytes: 1 << 20,
		// Small, so that flushes, snapshots and log deletion happen all the time.
		MemTableBytes: 256 << 10, SnapshotBytes: 1 << 20, TrailingBytes: 128 << 10,
	}
	if c.Bind == "" {
		o.ElectionTimeout = 0
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("up", s.Addr())
	if err := serveNode(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveNode(s *Store) error {
	out := bufio.NewWriter(os.Stdout)
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, format+"\n", args...)
		_ = out.Flush() // the parent sees what is missing
	}
	var load nodeLoad
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		number := func() uint64 {
			n, _ := strconv.ParseUint(words[len(words)-1], 10, 64)
			return n
		}
		switch words[0] {
		case "load":
			load.start(s, number(), say)
		case "stop":
			load.stop()
			say("stopped")
		case "leader":
			answer := "no"
			if tookUp(s) {
				answer = "yes"
			}
			say("leader %s", answer)
		case "join":
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			if err := s.Join(ctx, words[1], words[2]); err != nil {
				say("error %v", err)
			} else {
				say("ok")
			}
			cancel()
		case "status":
			say("applied %d", s.fsm.applied.Load())
		case "applied":
			for s.fsm.applied.Load() < number() {
				time.Sleep(5 * time.Millisecond)
			}
			say("ok")
		case "book":
			v := s.View()
			b, err := readBook(v)
			v.Close()
			if err != nil {
				say("error %v", err)
				continue
			}
			js, err := json.Marshal(b.At)
			if err != nil {
				return err
			}
			say("book %s", js)
		}
	}
	load.stop()
	return s.Close()
}

// tookUp reports whether a node leads and has everything committed earlier in
// its state.
func tookUp(s *Store) bool {
	s.lead.mu.Lock()
	defer s.lead.mu.Unlock()
	return s.IsLeader() && s.lead.ledTerm == s.raft.CurrentTerm()
}

// nodeLoad submits commands inside a child.
type nodeLoad struct {
	quit chan struct{}
	done sync.WaitGroup
}

func (l *nodeLoad) start(s *Store, first uint64, say func(string, ...any)) {
	l.quit = make(chan struct{})
	for client := first; client < first+crashClients; client++ {
		l.done.Add(1)
		go func() {
			defer l.done.Done()
			window := make(chan struct{}, crashWindow)
			defer func() { // wait for what is outstanding
				for range crashWindow {
					window <- struct{}{}
				}
			}()
			for n := uint64(1); ; n++ {
				select {
				case window <- struct{}{}:
				case <-l.quit:
					return
				}
				err := s.Submit(ledgerCommand(client, n, 100), CompletionFunc(func(result any, err error) {
					if e, ok := result.(entered); ok && err == nil {
						say("ack %d %d %d", e.Client, e.Number, e.Position)
					} else if !errors.Is(err, ErrUncertain) {
						say("not %d %d", client, n)
					}
					<-window
				}))
				if err == nil {
					continue
				}
				<-window
				say("not %d %d", client, n)
				if errors.Is(err, ErrClosed) {
					return
				}
				select {
				case <-time.After(5 * time.Millisecond): // no leader yet, or not here
				case <-l.quit:
					return
				}
			}
		}()
	}
}

func (l *nodeLoad) stop() {
	if l.quit != nil {
		close(l.quit)
		l.done.Wait()
		l.quit = nil
	}
}
