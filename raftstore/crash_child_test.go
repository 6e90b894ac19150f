package raftstore

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// child is a node in a process of its own.
type child struct {
	t      *testing.T
	config nodeConfig
	acks   *ackList
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string // answers, acks taken out; closed when the process has ended
	stderr *strings.Builder
	addr   string
}

// ackList collects what was acknowledged by any child.
type ackList struct {
	mu   sync.Mutex
	at   map[[2]uint64]uint64 // client, number: position
	not  map[[2]uint64]bool   // client, number: certain not to be committed
	bad  error
	next uint64 // a client that no load has used
}

func (a *ackList) add(client, number, position uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := [2]uint64{client, number}
	if p, ok := a.at[id]; ok && a.bad == nil {
		a.bad = fmt.Errorf("command %v was acknowledged at %d and at %d", id, p, position)
	}
	a.at[id] = position
}

func (a *ackList) refuse(client, number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.not[[2]uint64{client, number}] = true
}

func (a *ackList) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at)
}

// clients reserves clients for one run of load: no command is submitted twice, so
// that whatever is doubled was doubled by the store.
func (a *ackList) clients() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := a.next
	a.next += crashClients
	return first
}

func newAckList() *ackList {
	return &ackList{at: map[[2]uint64]uint64{}, not: map[[2]uint64]bool{}}
}

func newChild(t *testing.T, c nodeConfig, acks *ackList) *child {
	p := &child{t: t, config: c, acks: acks}
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	return p
}

func (p *child) start() {
	p.t.Helper()
	js, err := json.Marshal(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), nodeEnv+"="+string(js), "GOMAXPROCS=2")
	p.stderr = new(strings.Builder)
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.lines = make(chan string, 1)
	go p.read(out)
	p.addr = p.answer("up ")
	if p.config.Bind != "" {
		p.config.Bind = p.addr // the same after a restart
	}
}

// read takes a child's lines until it ends. A line cut short by its death does
// not count.
func (p *child) read(out io.Reader) {
	defer close(p.lines)
	r := bufio.NewReaderSize(out, 1<<16)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\n")
		var client, number, position uint64
		if n, _ := fmt.Sscanf(line, "ack %d %d %d", &client, &number, &position); n == 3 {
			p.acks.add(client, number, position)
			continue
		}
		if n, _ := fmt.Sscanf(line, "not %d %d", &client, &number); n == 2 {
			p.acks.refuse(client, number)
			continue
		}
		p.lines <- line
	}
}

func (p *child) say(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		p.t.Fatalf("%s: %v; its errors: %s", p.config.ID, err, p.stderr)
	}
}

// answer waits for a line and returns what follows the expected beginning.
func (p *child) answer(begin string) string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		rest, found := strings.CutPrefix(line, begin)
		if !ok || !found {
			p.t.Fatalf("%s says %.200q instead of %q; ended: %v; its errors: %s", p.config.ID, line, begin, !ok, p.stderr)
		}
		return rest
	case <-time.After(timeout):
		p.t.Fatalf("%s does not say %q", p.config.ID, begin)
	}
	return ""
}

func (p *child) ask(begin, format string, args ...any) string {
	p.t.Helper()
	p.say(format, args...)
	return p.answer(begin)
}

func (p *child) leads() bool { return p.ask("leader ", "leader") == "yes" }

// kill ends the process the hard way and waits until all it said was read.
func (p *child) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("kill: %v", err)
	}
	for range p.lines { // until read has everything
	}
	_ = p.cmd.Wait() // says only that it was killed
	_ = p.in.Close()
	if st, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || st.Signal() != syscall.SIGKILL {
		p.t.Errorf("%s ended by itself: %v", p.config.ID, p.cmd.ProcessState)
	}
	if p.stderr.Len() > 0 { // a race, a panic
		p.t.Errorf("%s: %s", p.config.ID, p.stderr)
	}
	p.cmd = nil
}

// book asks for the ledger and checks it against what was acknowledged.
func (p *child) checkBook() map[uint64][2]uint64 {
	p.t.Helper()
	var at map[uint64][2]uint64
	if err := json.Unmarshal([]byte(p.ask("book ", "book")), &at); err != nil {
		p.t.Fatal(err)
	}
	p.acks.mu.Lock()
	defer p.acks.mu.Unlock()
	if p.acks.bad != nil {
		p.t.Error(p.acks.bad)
	}
	missing := 0
	for id, pos := range p.acks.at {
		if at[pos] != id {
			if missing++; missing <= 5 {
				p.t.Errorf("%s: command %v was acknowledged at %d, where %v is", p.config.ID, id, pos, at[pos])
			}
		}
	}
	for pos, id := range at {
		if p.acks.not[id] {
			p.t.Errorf("%s: command %v is at %d, but was said not to be committed", p.config.ID, id, pos)
		}
	}
	if missing > 0 {
		p.t.Errorf("%s: %d of %d acknowledged commands are missing or moved", p.config.ID, missing, len(p.acks.at))
	}
	return at
}

// loadFor puts load on a node until there are some more acknowledgements, and a
// random time longer, so that kills come anywhere.
func (a *ackList) loadFor(t *testing.T, p *child, more int) {
	t.Helper()
	before := a.count()
	p.say("load %d", a.clients())
	until(t, fmt.Sprintf("%d more acknowledged", more), func() bool { return a.count() >= before+more })
	timer := time.NewTimer(time.Duration(rand.IntN(50)) * time.Millisecond)
	<-timer.C
}
