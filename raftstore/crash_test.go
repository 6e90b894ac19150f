package raftstore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests kill real processes under load and then look for every command
// that was acknowledged. The test binary is the node: see TestMain.
//
//	RAFTSTORE_CRASHES=200 go test -run Crash -timeout 1h ./raftstore
//
// runs longer than the default of a few kills per test.

const (
	nodeEnv    = "RAFTSTORE_TEST_NODE" // set in a child: its nodeConfig
	crashesEnv = "RAFTSTORE_CRASHES"
	// crashClients submit at the same time, each with crashWindow outstanding.
	crashClients = 8
	crashWindow  = 32
)

func TestMain(m *testing.M) {
	if c := os.Getenv(nodeEnv); c != "" {
		os.Exit(runNode(c))
	}
	os.Exit(m.Run())
}

// crashes is how often each test kills.
func crashes(t *testing.T, short int) int {
	s := os.Getenv(crashesEnv)
	if s == "" {
		return short
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", crashesEnv, err)
	}
	return n
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
		ElectionTimeout: 150 * time.Millisecond,
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
			if s.IsLeader() {
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

func TestCrashOfALoneNode(t *testing.T) {
	acks := newAckList()
	p := newChild(t, nodeConfig{Dir: t.TempDir(), ID: "n1", Bootstrap: true}, acks)
	for range crashes(t, 5) {
		p.start()
		acks.loadFor(t, p, 2000)
		p.kill()
	}
	p.start()
	until(t, "it leads again", p.leads)
	acks.loadFor(t, p, 1000) // goes through the log, so everything before is applied
	p.ask("stopped", "stop")
	at := p.checkBook()
	t.Logf("%d acknowledged, %d in the ledger", acks.count(), len(at))
	// A second start has the same.
	p.kill()
	p.start()
	until(t, "it leads again", p.leads)
	acks.loadFor(t, p, 100)
	p.ask("stopped", "stop")
	p.checkBook()
}

// trio is three nodes in processes.
type trio struct {
	t     *testing.T
	acks  *ackList
	nodes []*child
}

func newTrio(t *testing.T) *trio {
	g := &trio{t: t, acks: newAckList()}
	for i := range 3 {
		id := fmt.Sprintf("n%d", i+1)
		p := newChild(t, nodeConfig{Dir: t.TempDir(), ID: id, Bind: "127.0.0.1:0", Bootstrap: i == 0}, g.acks)
		p.start()
		g.nodes = append(g.nodes, p)
		if i == 0 {
			until(t, "n1 leads", p.leads)
			continue
		}
		g.nodes[0].ask("ok", "join %s %s", id, p.addr)
	}
	return g
}

// leader waits until one of the running nodes leads.
func (g *trio) leader() *child {
	g.t.Helper()
	var leader *child
	until(g.t, "a leader", func() bool {
		for _, p := range g.nodes {
			if p.cmd != nil && p.leads() {
				leader = p
				return true
			}
		}
		return false
	})
	return leader
}

// load lets every running node try, so that the leader is among them whoever it
// is.
func (g *trio) load(more int) {
	g.t.Helper()
	for _, p := range g.nodes {
		if p.cmd != nil {
			p.say("load %d", g.acks.clients())
		}
	}
	before := g.acks.count()
	until(g.t, fmt.Sprintf("%d more acknowledged", more), func() bool { return g.acks.count() >= before+more })
}

// stopLoad ends the load of running nodes.
func (g *trio) stopLoad() {
	g.t.Helper()
	for _, p := range g.nodes {
		if p.cmd != nil {
			p.ask("stopped", "stop")
		}
	}
}

// check compares all nodes with each other and with the acknowledgements.
func (g *trio) check() {
	g.t.Helper()
	g.load(200)
	g.stopLoad()
	leader := g.leader()
	applied := leader.ask("applied ", "status")
	want := leader.checkBook()
	for _, p := range g.nodes {
		if p == leader {
			continue
		}
		p.ask("ok", "applied %s", applied)
		at := p.checkBook()
		if len(at) < len(want) {
			g.t.Errorf("%s has %d commands, the leader has %d", p.config.ID, len(at), len(want))
		}
		for pos, id := range want {
			if at[pos] != id {
				g.t.Errorf("%s has %v at %d, where the leader has %v", p.config.ID, at[pos], pos, id)
				break
			}
		}
	}
	g.t.Logf("%d acknowledged, %d in the ledger", g.acks.count(), len(want))
}

func TestCrashOfAFollower(t *testing.T) {
	g := newTrio(t)
	for range crashes(t, 2) {
		g.load(500)
		leader := g.leader()
		victim := g.nodes[rand.IntN(3)]
		for victim == leader {
			victim = g.nodes[rand.IntN(3)]
		}
		victim.kill()
		before := g.acks.count()
		until(t, "the others go on", func() bool { return g.acks.count() >= before+3000 })
		g.stopLoad()
		victim.start()
	}
	g.check()
}

func TestCrashOfTheLeader(t *testing.T) {
	g := newTrio(t)
	for range crashes(t, 2) {
		g.load(1000)
		victim := g.leader()
		victim.kill()
		before := g.acks.count()
		until(t, "the others go on", func() bool { return g.acks.count() >= before+1000 })
		g.stopLoad()
		victim.start()
	}
	g.check()
}

func TestCrashOfAllNodes(t *testing.T) {
	g := newTrio(t)
	for range crashes(t, 2) {
		g.load(2000)
		for _, p := range g.nodes {
			if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range g.nodes {
			p.kill()
			p.start()
		}
	}
	g.check()
}
