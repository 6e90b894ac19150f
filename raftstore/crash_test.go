package raftstore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
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
		until(t, id+" has joined", func() bool { // the leader may change on a busy machine
			leader := g.leader()
			leader.say("join %s %s", id, p.addr)
			return leader.answer("") == "ok"
		})
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
