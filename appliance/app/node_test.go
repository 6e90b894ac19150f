package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/fanout"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// node is a whole node without a gateway: real store, real state machine.
type node struct {
	app      *App
	store    *raftstore.Store
	hub      *session.Hub
	registry *prometheus.Registry
	log      *lockedBuffer
	shift    atomic.Int64  // added to the clock, nanoseconds
	free     atomic.Uint64 // what the disk claims to have free
	looked   chan struct{} // taken from by setFree: the store is about to read free
	tenants  atomic.Int64  // for names
}

const plentyFree = 1 << 40

// startNode opens a node in dir. stop must be called.
func startNode(dir string) (n *node, stop func(), err error) {
	n = &node{hub: session.NewHub(), registry: prometheus.NewRegistry(), log: new(lockedBuffer), looked: make(chan struct{})}
	n.free.Store(plentyFree)
	fan := fanout.New(n.hub, n.registry)
	var ready atomic.Pointer[App]
	n.store, err = raftstore.Open(context.Background(), raftstore.Options{
		Dir: dir, NodeID: "n1", Machine: state.New(), Bootstrap: true,
		BallastBytes:    -1,
		FreeSpacePeriod: 5 * time.Millisecond,
		FreeSpace: func(string) (uint64, error) {
			select {
			case n.looked <- struct{}{}:
			default:
			}
			return n.free.Load(), nil
		},
		OnApplied: func(results []any) {
			results = state.WithParts(results)
			fan.Deliver(results)
			if a := ready.Load(); a != nil {
				a.Applied(results)
			}
		},
	})
	if err != nil {
		return nil, nil, err
	}
	n.app = New(Config{
		Store: n.store, Queries: state.NewQueries(n.store.View), Hub: n.hub, Registerer: n.registry, MegaTeams: fan,
		Logger: slog.New(slog.NewTextHandler(n.log, nil)), NodeID: "n1",
		Now: func() time.Time { return time.Now().Add(time.Duration(n.shift.Load())) },
	})
	ready.Store(n.app)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.store.WaitLeader(ctx); err != nil {
		return nil, nil, err
	}
	return n, func() { n.app.Close(); n.store.Close(); fan.Close() }, nil
}

// newNode is a node of the test's own, for what would disturb other tests.
func newNode(t testing.TB) *node {
	t.Helper()
	n, stop, err := startNode(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return n
}

// shared is the node of the tests that keep to their own tenant.
var shared *node

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "yizhan-app-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		n, stop, err := startNode(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer stop()
		shared = n
		return m.Run()
	}())
}

// settle returns when the results of everything committed so far have been
// delivered: a marker that was sent after them has arrived.
func (n *node) settle(t testing.TB) {
	t.Helper()
	w := n.newTenant(t, state.Limits{})
	a := w.login("marker")
	w.send(t, "marker", "marker", "marker")
	a.push(wire.PushMessage, new(wire.MessagePush))
}

// world is one tenant, its accounts made as they are named.
type world struct {
	*node
	t      testing.TB
	tenant *state.Tenant
	mu     sync.Mutex
	tokens map[string]string
}

func (n *node) newTenant(t testing.TB, l state.Limits) *world {
	t.Helper()
	appKey := fmt.Sprintf("app-%d", n.tenants.Add(1))
	tenant, err := n.app.CreateTenant(t.Context(), appKey, t.Name(), l)
	if err != nil {
		t.Fatal(err)
	}
	return &world{node: n, t: t, tenant: tenant, tokens: map[string]string{}}
}

// account makes an account unless it is there, and returns its token.
func (w *world) account(name string) string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	token, ok := w.tokens[name]
	if !ok {
		var err error
		if token, err = w.app.CreateAccount(w.t.Context(), w.tenant.AppKey, name, "", nil); err != nil {
			w.t.Fatal(err)
		}
		w.tokens[name] = token
	}
	return token
}

// credentials is a correct login of name.
func (w *world) credentials(name string) *wire.LoginRequest {
	w.t.Helper()
	return &wire.LoginRequest{
		AppKey: w.tenant.AppKey, Account: name, Token: w.account(name), DeviceId: "phone",
		Platform: wire.Platform_PLATFORM_ANDROID,
	}
}

// login connects name's phone.
func (w *world) login(name string) *peer {
	w.t.Helper()
	return w.loginOn(name, "phone", wire.Platform_PLATFORM_ANDROID)
}

func (w *world) loginOn(name, device string, platform wire.Platform) *peer {
	w.t.Helper()
	in := w.credentials(name)
	in.DeviceId, in.Platform = device, platform
	p := connect(w.t, w.app)
	p.ok(wire.CmdLogin, in, new(wire.LoginResponse))
	return p
}

// send lets the tenant's backend send a text.
func (w *world) send(t testing.TB, from, to, body string) *wire.SendResponse {
	t.Helper()
	w.account(from)
	w.account(to)
	out, err := w.app.Send(t.Context(), w.tenant.AppKey, &wire.Message{From: from, To: to, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// text is a request that sends a text.
func text(to, clientID, body string) *wire.SendRequest {
	return &wire.SendRequest{To: to, ClientId: clientID, Body: body}
}

// lockedBuffer is a bytes.Buffer for a logger.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// metric is the value of a counter of the node, 0 when it has not counted.
func (n *node) metric(t testing.TB, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if want, ok := labels[l.GetName()]; ok && want != l.GetValue() {
					continue metrics
				}
			}
			return m.GetCounter().GetValue()
		}
	}
	return 0
}
